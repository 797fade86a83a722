/** What all packages share. Not exported. */
@NullMarked
package io.github.trimtab.internal;

import org.jspecify.annotations.NullMarked;
