package io.github.trimtab.engine.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.memory.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Matrix products in F32 on a stream, by cuBLAS in its default mode, which rounds nothing to TF32.
 * One thread at a time.
 */
final class Cublas implements AutoCloseable {

  /** What NVIDIA's manual recommends for Hopper; cuBLAS allocates none of its own then. */
  private static final long WORKSPACE_BYTES = 32L << 20;

  private static final int AS_IT_IS = 0;
  private static final int TRANSPOSED = 1;

  private final MethodHandle sgemm;
  private final MethodHandle destroy;
  private final Arena arena;
  private final MemorySegment one;
  private final MemorySegment zero;
  private final MemorySegment handle;
  private final Buffer workspace;

  @SuppressWarnings("MustBeClosedChecker") // closed with this
  Cublas(CFunctions library, CudaStream stream) {
    MethodHandle create = library.find("cublasCreate_v2", ADDRESS);
    MethodHandle setStream = library.find("cublasSetStream_v2", ADDRESS, JAVA_LONG);
    MethodHandle setWorkspace =
        library.find("cublasSetWorkspace_v2", ADDRESS, JAVA_LONG, JAVA_LONG);
    destroy = library.find("cublasDestroy_v2", ADDRESS);
    sgemm =
        library.find(
            "cublasSgemm_v2",
            ADDRESS,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            ADDRESS,
            JAVA_LONG,
            JAVA_INT);
    workspace = stream.device().allocate(WORKSPACE_BYTES);
    arena = Arena.ofShared();
    one = arena.allocateFrom(JAVA_FLOAT, 1f);
    zero = arena.allocateFrom(JAVA_FLOAT, 0f);
    MemorySegment out = arena.allocate(ADDRESS);
    try {
      CFunctions.call("cublasCreate", () -> (int) create.invokeExact(out));
    } catch (RuntimeException | Error e) {
      free();
      throw e;
    }
    handle = out.get(ADDRESS, 0);
    try {
      long place = workspace.deviceAddress();
      CFunctions.call(
          "cublasSetStream", () -> (int) setStream.invokeExact(handle, stream.handle()));
      CFunctions.call(
          "cublasSetWorkspace",
          () -> (int) setWorkspace.invokeExact(handle, place, WORKSPACE_BYTES));
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /**
   * y = x W^T, or added to y, all of them row by row.
   *
   * @param x address of [rows, in]
   * @param weight address of W [out, in]
   * @param y address of [rows, out]
   * @param add whether the product is added to what y holds
   */
  void multiply(int rows, long x, long weight, int out, int in, long y, boolean add) {
    MemorySegment kept = add ? one : zero;
    // cuBLAS counts by columns: there y^T [out, rows] = W x^T, and W lies transposed.
    CFunctions.call(
        "cublasSgemm",
        () ->
            (int)
                sgemm.invokeExact(
                    handle,
                    TRANSPOSED,
                    AS_IT_IS,
                    out,
                    rows,
                    in,
                    one,
                    weight,
                    in,
                    x,
                    in,
                    kept,
                    y,
                    out));
  }

  @Override
  public void close() {
    try {
      CFunctions.call("cublasDestroy", () -> (int) destroy.invokeExact(handle));
    } finally {
      free();
    }
  }

  private void free() {
    workspace.close();
    arena.close();
  }
}
