package io.github.trimtab.engine.cuda;

import io.github.trimtab.BackendUnavailableException;
import io.github.trimtab.Backends;
import io.github.trimtab.cuda.CudaDevice;
import io.github.trimtab.cuda.CudaStream;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * What a model needs of the first CUDA device that works: a stream, on which everything is
 * enqueued, cuBLAS and the engine's kernels. One thread at a time.
 */
public final class Gpu implements AutoCloseable {

  private final CudaStream stream;
  private final Cublas cublas;
  private final VarKernels kernels;
  private final LlamaKernels llamaKernels;

  private Gpu(CudaStream stream, CFunctions cublas, CFunctions kernels) {
    this.stream = stream;
    this.kernels = new VarKernels(kernels, stream);
    llamaKernels = new LlamaKernels(kernels, stream);
    this.cublas = new Cublas(cublas, stream);
  }

  /**
   * Opens the first device that works, the one that the backend's operations over host memory take.
   *
   * @throws BackendUnavailableException with the reason, if the CUDA backend, the engine's kernels
   *     or cuBLAS is missing
   */
  public static Gpu open() {
    var _ = Backends.named("cuda").kernels(); // throws its reasons
    CFunctions kernels = Libraries.kernels();
    CFunctions cublas = Libraries.cublas();
    CudaStream stream = CudaDevice.first().newStream();
    try {
      return new Gpu(stream, cublas, kernels);
    } catch (NoSuchElementException e) {
      stream.close();
      throw unavailable(e);
    } catch (RuntimeException | Error e) {
      stream.close();
      throw e;
    }
  }

  private static BackendUnavailableException unavailable(RuntimeException cause) {
    var e = new BackendUnavailableException("cuda", List.of(String.valueOf(cause.getMessage())));
    e.initCause(cause);
    return e;
  }

  /** The stream of all work. */
  public CudaStream stream() {
    return stream;
  }

  /** The engine's kernels for a VAR. */
  public VarKernels kernels() {
    return kernels;
  }

  /** The engine's kernels for models of Llama layout. */
  public LlamaKernels llamaKernels() {
    return llamaKernels;
  }

  /**
   * y = x W^T, or added to y, all of them F32 on the device, row by row.
   *
   * @param x address of [rows, in]
   * @param weight address of W [out, in]
   * @param y address of [rows, out]
   * @param add whether the product is added to what y holds
   */
  public void multiply(int rows, long x, long weight, int out, int in, long y, boolean add) {
    cublas.multiply(rows, x, weight, out, in, y, add);
  }

  @Override
  public void close() {
    try {
      cublas.close();
    } finally {
      stream.close();
    }
  }
}
