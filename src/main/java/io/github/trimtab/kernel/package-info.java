/** The operations as values, and the one interface that every backend implements. */
@NullMarked
package io.github.trimtab.kernel;

import org.jspecify.annotations.NullMarked;
