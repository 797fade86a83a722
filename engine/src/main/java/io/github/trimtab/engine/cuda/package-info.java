/**
 * The engine's arithmetic on a CUDA device: matrix products by cuBLAS, all else by kernels of its
 * own.
 */
@NullMarked
package io.github.trimtab.engine.cuda;

import org.jspecify.annotations.NullMarked;
