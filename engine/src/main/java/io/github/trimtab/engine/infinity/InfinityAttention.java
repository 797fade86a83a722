package io.github.trimtab.engine.infinity;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.GridRotary;
import io.github.trimtab.engine.math.PackedMatrix;
import io.github.trimtab.engine.math.Parallel;
import io.github.trimtab.engine.math.Rows;
import io.github.trimtab.engine.var.Attention;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.Schedule;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The self-attention of all layers of an Infinity model: projections, unit keys, queries as long as
 * their head's learned scale (100 at most), and rotation by the place on the grid, so that logits
 * are plain products.
 *
 * <p>Text, cross-attention, MLPs and tokenizer are not part of it. Holds activations of one scale
 * off the heap: one thread at a time.
 */
public final class InfinityAttention implements AutoCloseable {

  private static final double BASE = 10_000;
  private static final double MOST_LOG_SCALE = Math.log(100);

  private final InfinityShape shape;
  private final Schedule schedule;
  private final int batch;
  private final List<Layer> layers = new ArrayList<>();
  private final GridRotary rotary;
  private final Buffer qkv;
  private final Buffer attended;

  private static final class Layer {
    private final PackedMatrix qkv;
    private final PackedMatrix projection;
    private final float[] headScales;

    Layer(PackedMatrix qkv, PackedMatrix projection, float[] headScales) {
      this.qkv = qkv;
      this.projection = projection;
      this.headScales = headScales;
    }
  }

  /**
   * Loads the layers' weights.
   *
   * @param checkpoint read now and not kept; F32, F16 or BF16
   * @param schedule the maps to draw
   * @param batch rows; two a picture with guidance
   * @throws IllegalArgumentException naming file and tensor, where one is missing or does not fit
   */
  public InfinityAttention(Checkpoint checkpoint, Schedule schedule, int batch) {
    if (batch < 1) {
      throw new IllegalArgumentException("batch: " + batch + ", expected 1 or more");
    }
    shape = InfinityShape.of(checkpoint);
    this.schedule = schedule;
    this.batch = batch;
    for (int layer = 0; layer < shape.layers(); layer++) {
      layers.add(layer(checkpoint, shape.prefix(layer)));
    }
    int last = schedule.scales() - 1;
    rotary =
        new GridRotary(
            InfinityShape.HEAD_DIM, BASE, Math.max(schedule.height(last), schedule.width(last)));
    long tokens = Arrays.stream(schedule.tokens()).max().orElseThrow();
    long bytes = batch * tokens * shape.width() * Float.BYTES;
    qkv = Buffer.allocate(3 * bytes);
    attended = Buffer.allocate(bytes);
  }

  private Layer layer(Checkpoint checkpoint, String name) {
    int width = shape.width();
    // Keys have no bias; the checkpoint's zeros for them are not read.
    float[] bias = Arrays.copyOf(checkpoint.values(name + "q_bias", width), 3 * width);
    System.arraycopy(checkpoint.values(name + "v_bias", width), 0, bias, 2 * width, width);
    float[] scales = checkpoint.values(name + "scale_mul_1H11", 1, shape.heads(), 1, 1);
    for (int head = 0; head < scales.length; head++) {
      scales[head] = (float) Math.exp(Math.min(scales[head], MOST_LOG_SCALE));
    }
    return new Layer(
        new PackedMatrix(checkpoint.values(name + "mat_qkv.weight", 3 * width, width), bias),
        new PackedMatrix(
            checkpoint.values(name + "proj.weight", width, width),
            checkpoint.values(name + "proj.bias", width)),
        scales);
  }

  /** The shape of the model. */
  public InfinityShape shape() {
    return shape;
  }

  /**
   * Runs a layer's self-attention on a map.
   *
   * @param layer 0-based, over all chunks
   * @param scale 0-based
   * @param x normed and modulated input [batch, tokens, width], F32, off-heap
   * @param attention gets q, k and v and remembers them, such as {@link
   *     io.github.trimtab.engine.var.CachedAttention}
   * @param result receives the projected result like x, before gate and residual
   */
  public void forward(
      int layer, int scale, MemorySegment x, Attention attention, MemorySegment result) {
    int width = shape.width();
    int tokens = schedule.tokens(scale);
    int rows = batch * tokens;
    if (layer < 0 || layer >= shape.layers()) {
      throw new IllegalArgumentException(
          "layer: " + layer + ", expected 0.." + (shape.layers() - 1));
    }
    requireRoom("x", x, rows);
    requireRoom("result", result, rows);
    Layer weights = layers.get(layer);
    weights.qkv.multiply(
        rows, PackedMatrix.rows(x, width), qkv.segment(), PackedMatrix.Epilogue.NONE);
    Parallel.forRange(
        rows,
        64,
        (from, to) -> {
          for (int row = from; row < to; row++) {
            place(weights.headScales, scale, row, row % tokens);
          }
        });
    attention.attend(
        layer,
        scale,
        heads(qkv, 0, 3, tokens),
        heads(qkv, 1, 3, tokens),
        heads(qkv, 2, 3, tokens),
        heads(attended, 0, 1, tokens));
    weights.projection.multiply(
        rows, PackedMatrix.rows(attended.segment(), width), result, PackedMatrix.Epilogue.NONE);
  }

  private void requireRoom(String name, MemorySegment segment, int rows) {
    long needed = (long) rows * shape.width() * Float.BYTES;
    if (!segment.isNative() || segment.byteSize() < needed) {
      throw new IllegalArgumentException(
          name
              + ": "
              + segment.byteSize()
              + " bytes, expected "
              + needed
              + " or more off the heap");
    }
  }

  /** Gives the queries and keys of a token their lengths and turns them. */
  private void place(float[] headScales, int scale, int row, int token) {
    int last = schedule.scales() - 1;
    int height = schedule.height(scale);
    int width = schedule.width(scale);
    int y = GridRotary.coordinate(token / width, height, schedule.height(last));
    int x = GridRotary.coordinate(token % width, width, schedule.width(last));
    MemorySegment all = qkv.segment();
    for (int head = 0; head < shape.heads(); head++) {
      long q = 3L * row * shape.width() + (long) head * InfinityShape.HEAD_DIM;
      long k = q + shape.width();
      Rows.normalize(all, q, InfinityShape.HEAD_DIM, headScales[head]);
      Rows.normalize(all, k, InfinityShape.HEAD_DIM, 1);
      rotary.apply(y, x, all, q);
      rotary.apply(y, x, all, k);
    }
  }

  /** A part of tokens with {@code parts} vectors each, as [batch, heads, tokens, head_dim]. */
  private Tensor heads(Buffer buffer, int part, int parts, int tokens) {
    long stride = (long) parts * shape.width();
    return Tensor.strided(
        DType.F32,
        buffer,
        (long) part * shape.width() * Float.BYTES,
        new long[] {batch, shape.heads(), tokens, InfinityShape.HEAD_DIM},
        new long[] {tokens * stride, InfinityShape.HEAD_DIM, stride, 1});
  }

  @Override
  public void close() {
    qkv.close();
    attended.close();
  }
}
