/**
 * CUDA devices, their memory, streams, events and graphs.
 *
 * <p>Start at {@link io.github.trimtab.cuda.CudaDevice}. Work is enqueued on a {@link
 * io.github.trimtab.cuda.CudaStream}, one of Trimtab's or the caller's own.
 */
@NullMarked
package io.github.trimtab.cuda;

import org.jspecify.annotations.NullMarked;
