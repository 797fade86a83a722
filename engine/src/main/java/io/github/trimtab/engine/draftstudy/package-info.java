/** Measures trimmed draft heads against full ones on held-out prompts. */
@NullMarked
package io.github.trimtab.engine.draftstudy;

import org.jspecify.annotations.NullMarked;
