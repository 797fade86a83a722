package io.github.trimtab.engine.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.trimtab.cuda.CudaStream;
import java.lang.invoke.MethodHandle;

/**
 * The kernels of {@code engine/cuda/llama.cu}, of which {@code engine.h} says what each does, on
 * one stream. Addresses are of device memory. One thread at a time.
 */
public final class LlamaKernels {

  private final long stream;
  private final MethodHandle gather;
  private final MethodHandle rmsNorm;
  private final MethodHandle turn;
  private final MethodHandle swiglu;

  LlamaKernels(CFunctions library, CudaStream stream) {
    this.stream = stream.handle();
    var p = JAVA_LONG; // a pointer
    var i = JAVA_INT;
    gather = library.find("engine_gather", p, p, p, p, i, i, p);
    rmsNorm = library.find("engine_rms_norm", p, p, p, i, i, JAVA_FLOAT, i, p);
    turn = library.find("engine_turn", p, p, p, p, p, i, i, i, i, i, i, i, p);
    swiglu = library.find("engine_swiglu", p, p, i, i, p);
  }

  /** Rows of a table. */
  public void gather(long table, long ids, long positions, int rows, int width, long out) {
    CFunctions.call(
        "engine_gather",
        () -> (int) gather.invokeExact(stream, table, ids, positions, rows, width, out));
  }

  /** Root-mean-square norm with a gain. */
  public void rmsNorm(
      long x, long weight, int rows, int width, float epsilon, int stride, long out) {
    CFunctions.call(
        "engine_rms_norm",
        () -> (int) rmsNorm.invokeExact(stream, x, weight, rows, width, epsilon, stride, out));
  }

  /**
   * How heads lie in memory.
   *
   * @param heads query heads
   * @param kvHeads key heads, and as many value heads
   */
  public record Heads(int heads, int kvHeads, int headDim) {}

  /** Turned queries and keys, and values. */
  public void turn(
      long qkv,
      long positions,
      long cosines,
      long sines,
      int rows,
      int places,
      Heads heads,
      int tokens,
      int first,
      long out) {
    CFunctions.call(
        "engine_turn",
        () ->
            (int)
                turn.invokeExact(
                    stream,
                    qkv,
                    positions,
                    cosines,
                    sines,
                    rows,
                    places,
                    heads.heads,
                    heads.kvHeads,
                    heads.headDim,
                    tokens,
                    first,
                    out));
  }

  /** silu(gate) * up. */
  public void swiglu(long wide, int rows, int hidden, long out) {
    CFunctions.call(
        "engine_swiglu", () -> (int) swiglu.invokeExact(stream, wide, rows, hidden, out));
  }
}
