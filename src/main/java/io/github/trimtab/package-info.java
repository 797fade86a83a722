/** Choosing a backend: which ones work here, and why others do not. */
@NullMarked
package io.github.trimtab;

import org.jspecify.annotations.NullMarked;
