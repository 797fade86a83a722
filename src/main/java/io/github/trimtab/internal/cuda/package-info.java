/**
 * The native side of the CUDA backend: finding and checking the library, and operations as structs
 * of its C ABI.
 */
@NullMarked
package io.github.trimtab.internal.cuda;

import org.jspecify.annotations.NullMarked;
