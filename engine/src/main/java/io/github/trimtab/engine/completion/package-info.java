/** Completing texts with bundled models: a target alone, or with a drafter before it. */
@NullMarked
package io.github.trimtab.engine.completion;

import org.jspecify.annotations.NullMarked;
