package io.github.trimtab.engine.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.github.trimtab.cuda.CudaStream;
import java.lang.invoke.MethodHandle;

/**
 * The kernels of {@code engine/cuda/engine.h}, which says what each does, on one stream. Addresses
 * are of device memory. One thread at a time.
 */
public final class VarKernels {

  private final long stream;
  private final MethodHandle begin;
  private final MethodHandle embed;
  private final MethodHandle add;
  private final MethodHandle gelu;
  private final MethodHandle addGated;
  private final MethodHandle modulate;
  private final MethodHandle unitHeads;
  private final MethodHandle sample;
  private final MethodHandle enlarge;
  private final MethodHandle smooth;
  private final MethodHandle shrink;

  VarKernels(CFunctions library, CudaStream stream) {
    this.stream = stream.handle();
    var p = JAVA_LONG; // a pointer
    var i = JAVA_INT;
    var f = JAVA_FLOAT;
    begin = library.find("engine_begin", p, p, i, i, p, p, i, p, p);
    embed = library.find("engine_embed", p, p, p, p, i, i, p);
    add = library.find("engine_add", p, p, p, i, i, p);
    gelu = library.find("engine_gelu", p, p, p, i, i);
    addGated = library.find("engine_add_gated", p, p, p, p, p, i, i, i);
    modulate = library.find("engine_modulate", p, p, p, p, i, i, i, f, p);
    unitHeads = library.find("engine_unit_heads", p, p, p, p, i, i, i);
    sample = library.find("engine_sample", p, p, i, i, f, i, JAVA_DOUBLE, p, p);
    enlarge = library.find("engine_enlarge", p, p, p, i, i, i, p);
    smooth = library.find("engine_smooth", p, p, p, p, i, i, f, p);
    shrink = library.find("engine_shrink", p, p, i, i, i, p);
  }

  /** Both rows of the first scale. */
  public void begin(
      long classes,
      int label,
      int none,
      long start,
      long position,
      int width,
      long gated,
      long residual) {
    CFunctions.call(
        "engine_begin",
        () ->
            (int)
                begin.invokeExact(
                    stream, classes, label, none, start, position, width, gated, residual));
  }

  /** Both rows of a later scale. */
  public void embed(long words, long bias, long position, int tokens, int width, long residual) {
    CFunctions.call(
        "engine_embed",
        () -> (int) embed.invokeExact(stream, words, bias, position, tokens, width, residual));
  }

  /** out = x + addend. */
  public void add(long x, long addend, int rows, int width, long out) {
    CFunctions.call("engine_add", () -> (int) add.invokeExact(stream, x, addend, rows, width, out));
  }

  /** x = gelu(x + bias). */
  public void gelu(long x, long bias, int rows, int width) {
    CFunctions.call("engine_gelu", () -> (int) gelu.invokeExact(stream, x, bias, rows, width));
  }

  /** residual += gate * (delta + bias). */
  public void addGated(
      long residual, long delta, long bias, long gate, int stride, int tokens, int width) {
    CFunctions.call(
        "engine_add_gated",
        () ->
            (int) addGated.invokeExact(stream, residual, delta, bias, gate, stride, tokens, width));
  }

  /** Layer norm, times 1 + scale, plus shift. */
  public void modulate(
      long residual,
      long scale,
      long shift,
      int stride,
      int tokens,
      int width,
      float epsilon,
      long out) {
    CFunctions.call(
        "engine_modulate",
        () ->
            (int)
                modulate.invokeExact(
                    stream, residual, scale, shift, stride, tokens, width, epsilon, out));
  }

  /** Biases, and queries and keys of given length. */
  public void unitHeads(long qkv, long bias, long scales, int rows, int heads, int headDim) {
    CFunctions.call(
        "engine_unit_heads",
        () -> (int) unitHeads.invokeExact(stream, qkv, bias, scales, rows, heads, headDim));
  }

  /** Draws a code for each token. */
  public void sample(
      long logits,
      int tokens,
      int codes,
      float guidance,
      int topK,
      double topP,
      long uniform,
      long chosen) {
    CFunctions.call(
        "engine_sample",
        () ->
            (int)
                sample.invokeExact(
                    stream, logits, tokens, codes, guidance, topK, topP, uniform, chosen));
  }

  /** A map of codes at the size of the grid. */
  public void enlarge(long codes, long codebook, int side, int dim, int grid, long out) {
    CFunctions.call(
        "engine_enlarge",
        () -> (int) enlarge.invokeExact(stream, codes, codebook, side, dim, grid, out));
  }

  /** sum += a map, in part smoothed. */
  public void smooth(long map, long weights, long bias, int grid, int dim, float ratio, long sum) {
    CFunctions.call(
        "engine_smooth",
        () -> (int) smooth.invokeExact(stream, map, weights, bias, grid, dim, ratio, sum));
  }

  /** A map of the grid's size at a smaller one. */
  public void shrink(long map, int grid, int dim, int side, long out) {
    CFunctions.call(
        "engine_shrink", () -> (int) shrink.invokeExact(stream, map, grid, dim, side, out));
  }
}
