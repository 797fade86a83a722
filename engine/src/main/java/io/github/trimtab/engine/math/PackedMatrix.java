package io.github.trimtab.engine.math;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * A weight matrix W [out, in] with its bias, laid out once for products with many rows: panels of
 * {@link #PANEL} outputs, each [in][PANEL], so that the inner loop reads memory in one direction.
 *
 * <p>The inner loop keeps a tile of 6 rows by one panel in registers: 12 accumulators, 2 vectors of
 * weights and one broadcast, which fits the 16 vector registers of AVX2. Immutable, any thread.
 */
public final class PackedMatrix {

  /** Rows of one register tile. */
  static final int TILE = 6;

  /** Outputs of one panel. */
  static final int PANEL = 2 * Lanes.COUNT;

  /** Floats of the row block that a thread works on: 128 KiB, a part of a core's L2 cache. */
  private static final int BLOCK_FLOATS = 32 * 1024;

  private static final ThreadLocal<float[]> BLOCK = ThreadLocal.withInitial(() -> new float[0]);

  private static final ThreadLocal<float[]> EDGE =
      ThreadLocal.withInitial(() -> new float[TILE * PANEL]);

  private final int in;
  private final int out;
  private final int panels;
  private final float[] weights;
  private final float[] bias;

  /** Puts the rows {@code from} to {@code to} of an input [rows, in] into {@code block}. */
  @FunctionalInterface
  public interface RowLoader {
    void load(int from, int to, float[] block);
  }

  /** Work on a freshly computed part of the result, while it is still in the cache. */
  @FunctionalInterface
  public interface Epilogue {
    void apply(int rowFrom, int rowTo, int columnFrom, int columnTo);

    /** Leaves the result as it is. */
    Epilogue NONE = (rowFrom, rowTo, columnFrom, columnTo) -> {};
  }

  /**
   * Packs a matrix.
   *
   * @param weight W [out, in], row by row
   * @param bias [out]
   */
  public PackedMatrix(float[] weight, float[] bias) {
    if (bias.length == 0 || weight.length == 0 || weight.length % bias.length != 0) {
      throw new IllegalArgumentException(
          "weight has "
              + weight.length
              + " values, not a multiple of the "
              + bias.length
              + " outputs");
    }
    out = bias.length;
    in = weight.length / out;
    panels = Math.ceilDiv(out, PANEL);
    weights = new float[panels * in * PANEL];
    for (int o = 0; o < out; o++) {
      int base = o / PANEL * in * PANEL + o % PANEL;
      for (int i = 0; i < in; i++) {
        weights[base + i * PANEL] = weight[o * in + i];
      }
    }
    this.bias = Arrays.copyOf(bias, panels * PANEL);
  }

  /** Columns of W: the width of an input row. */
  public int in() {
    return in;
  }

  /** Rows of W: the width of an output row. */
  public int out() {
    return out;
  }

  /**
   * Computes {@code result = input W^T + bias} over all cores.
   *
   * @param rows rows of input and result
   * @param input [rows, in], read block by block (a block may be asked for more than once)
   * @param result [rows, out], F32, off-heap
   */
  public void multiply(int rows, RowLoader input, MemorySegment result, Epilogue epilogue) {
    int blockRows = Math.max(TILE, BLOCK_FLOATS / in / TILE * TILE);
    blockRows =
        Math.min(blockRows, Math.ceilDiv(Math.ceilDiv(rows, 2 * Parallel.THREADS), TILE) * TILE);
    int blocks = Math.ceilDiv(rows, blockRows);
    // Few rows: the panels are shared out as well.
    int panelGroups = Math.min(panels, Math.ceilDiv(2 * Parallel.THREADS, blocks));
    int groupPanels = Math.ceilDiv(panels, panelGroups);
    int step = blockRows;
    Parallel.forRange(
        blocks * panelGroups,
        1,
        (piece, end) -> {
          int from = piece / panelGroups * step;
          int to = Math.min(rows, from + step);
          int panelFrom = piece % panelGroups * groupPanels;
          int panelTo = Math.min(panels, panelFrom + groupPanels);
          if (panelFrom < panelTo) {
            float[] block = block(Math.ceilDiv(to - from, TILE) * TILE * in);
            input.load(from, to, block);
            for (int panel = panelFrom; panel < panelTo; panel++) {
              for (int row = from; row < to; row += TILE) {
                int valid = Math.min(TILE, to - row);
                tile(block, (row - from) * in, in, 1, 0, panel, result, row, valid);
              }
            }
            epilogue.apply(from, to, panelFrom * PANEL, Math.min(out, panelTo * PANEL));
          }
        });
  }

  /** Computes {@code rows W^T + bias} of a few rows on the heap. */
  public float[] multiply(int rows, float[] input) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment result = Lanes.allocate(arena, (long) rows * out);
      multiply(
          rows,
          (from, to, block) -> System.arraycopy(input, from * in, block, 0, (to - from) * in),
          result,
          Epilogue.NONE);
      return result.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** A loader for rows that lie one after the other in memory. */
  public static RowLoader rows(MemorySegment source, int width) {
    return (from, to, block) ->
        MemorySegment.copy(
            source,
            ValueLayout.JAVA_FLOAT,
            (long) from * width * Float.BYTES,
            block,
            0,
            (to - from) * width);
  }

  /** A scratch array of this thread with at least {@code floats} places; what it holds is stale. */
  static float[] block(int floats) {
    float[] block = BLOCK.get();
    if (block.length < floats) {
      block = new float[floats];
      BLOCK.set(block);
    }
    return block;
  }

  /**
   * One register tile: 6 rows of {@code a} times one panel, stored with the bias at {@code row} of
   * the result. An input row is {@code spans} runs of {@code in / spans} floats, {@code spanStep}
   * apart, so that the three lines a 3 x 3 convolution reads need no copy.
   *
   * @param at where the first row starts in {@code a}; row r starts at {@code at + r * rowStep}
   * @param valid how many of the 6 rows are stored
   */
  void tile(
      float[] a,
      int at,
      int rowStep,
      int spans,
      int spanStep,
      int panel,
      MemorySegment result,
      long row,
      int valid) {
    FloatVector zero = FloatVector.zero(Lanes.SPECIES);
    FloatVector r00 = zero, r01 = zero, r10 = zero, r11 = zero, r20 = zero, r21 = zero;
    FloatVector r30 = zero, r31 = zero, r40 = zero, r41 = zero, r50 = zero, r51 = zero;
    int length = in / spans;
    int w = panel * in * PANEL;
    for (int span = 0; span < spans; span++) {
      int a0 = at + span * spanStep;
      int a1 = a0 + rowStep;
      int a2 = a1 + rowStep;
      int a3 = a2 + rowStep;
      int a4 = a3 + rowStep;
      int a5 = a4 + rowStep;
      for (int k = 0; k < length; k++) {
        FloatVector w0 = FloatVector.fromArray(Lanes.SPECIES, weights, w + k * PANEL);
        FloatVector w1 = FloatVector.fromArray(Lanes.SPECIES, weights, w + k * PANEL + Lanes.COUNT);
        FloatVector x = Lanes.broadcast(a[a0 + k]);
        r00 = x.fma(w0, r00);
        r01 = x.fma(w1, r01);
        x = Lanes.broadcast(a[a1 + k]);
        r10 = x.fma(w0, r10);
        r11 = x.fma(w1, r11);
        x = Lanes.broadcast(a[a2 + k]);
        r20 = x.fma(w0, r20);
        r21 = x.fma(w1, r21);
        x = Lanes.broadcast(a[a3 + k]);
        r30 = x.fma(w0, r30);
        r31 = x.fma(w1, r31);
        x = Lanes.broadcast(a[a4 + k]);
        r40 = x.fma(w0, r40);
        r41 = x.fma(w1, r41);
        x = Lanes.broadcast(a[a5 + k]);
        r50 = x.fma(w0, r50);
        r51 = x.fma(w1, r51);
      }
      w += length * PANEL;
    }
    int column = panel * PANEL;
    FloatVector b0 = FloatVector.fromArray(Lanes.SPECIES, bias, column);
    FloatVector b1 = FloatVector.fromArray(Lanes.SPECIES, bias, column + Lanes.COUNT);
    if (valid == TILE && column + PANEL <= out) {
      long target = row * out + column;
      store(r00.add(b0), r01.add(b1), result, target);
      store(r10.add(b0), r11.add(b1), result, target + out);
      store(r20.add(b0), r21.add(b1), result, target + 2L * out);
      store(r30.add(b0), r31.add(b1), result, target + 3L * out);
      store(r40.add(b0), r41.add(b1), result, target + 4L * out);
      store(r50.add(b0), r51.add(b1), result, target + 5L * out);
    } else {
      float[] edge = EDGE.get();
      store(r00.add(b0), r01.add(b1), edge, 0);
      store(r10.add(b0), r11.add(b1), edge, PANEL);
      store(r20.add(b0), r21.add(b1), edge, 2 * PANEL);
      store(r30.add(b0), r31.add(b1), edge, 3 * PANEL);
      store(r40.add(b0), r41.add(b1), edge, 4 * PANEL);
      store(r50.add(b0), r51.add(b1), edge, 5 * PANEL);
      int columns = Math.min(PANEL, out - column);
      for (int r = 0; r < valid; r++) {
        long target = ((row + r) * out + column) * Float.BYTES;
        MemorySegment.copy(edge, r * PANEL, result, ValueLayout.JAVA_FLOAT, target, columns);
      }
    }
  }

  private static void store(FloatVector v0, FloatVector v1, MemorySegment target, long index) {
    Lanes.store(v0, target, index);
    Lanes.store(v1, target, index + Lanes.COUNT);
  }

  private static void store(FloatVector v0, FloatVector v1, float[] target, int index) {
    v0.intoArray(target, index);
    v1.intoArray(target, index + Lanes.COUNT);
  }
}
