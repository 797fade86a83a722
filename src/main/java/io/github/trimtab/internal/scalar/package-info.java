/** The oracle: plain Java, written to be read. */
@NullMarked
package io.github.trimtab.internal.scalar;

import org.jspecify.annotations.NullMarked;
