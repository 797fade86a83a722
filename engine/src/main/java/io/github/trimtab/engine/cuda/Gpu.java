package io.github.trimtab.engine.cuda;

import io.github.trimtab.BackendUnavailableException;
import io.github.trimtab.Backends;
import io.github.trimtab.cuda.CudaDevice;
import io.github.trimtab.cuda.CudaStream;
import java.util.List;
import java.util.NoSuchElementException;

/**
 * What a model needs of the first CUDA device: a stream, on which everything is enqueued, cuBLAS
 * and the engine's kernels. One thread at a time.
 */
public final class Gpu implements AutoCloseable {

  private final CudaStream stream;
  private final Cublas cublas;
  private final VarKernels kernels;

  private Gpu(CudaStream stream, CFunctions cublas, CFunctions kernels) {
    this.stream = stream;
    this.kernels = new VarKernels(kernels, stream);
    this.cublas = new Cublas(cublas, stream);
  }

  /**
   * Opens the first device.
   *
   * @throws BackendUnavailableException with the reason, if the CUDA backend, the engine's kernels
   *     or cuBLAS is missing
   */
  public static Gpu open() {
    var _ = Backends.named("cuda").kernels(); // throws its reasons
    CFunctions kernels = Libraries.kernels();
    CFunctions cublas = Libraries.cublas();
    CudaStream stream;
    try {
      stream = CudaDevice.of(0).newStream();
    } catch (IllegalArgumentException e) {
      throw unavailable(e);
    }
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

  /** The engine's kernels. */
  public VarKernels kernels() {
    return kernels;
  }

  /**
   * y = x W^T, all of them F32 on the device, row by row.
   *
   * @param x address of [rows, in]
   * @param weight address of W [out, in]
   * @param y address of [rows, out]
   */
  public void multiply(int rows, long x, long weight, int out, int in, long y) {
    cublas.multiply(rows, x, weight, out, in, y);
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
