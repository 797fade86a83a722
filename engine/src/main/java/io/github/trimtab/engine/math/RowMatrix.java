package io.github.trimtab.engine.math;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * A weight matrix W [out, in] in the format of its checkpoint, for products with one vector or with
 * many: BF16, INT8 with a scale a row, or F32, which F16 is widened to.
 *
 * <p>Panels of {@link #PANEL} outputs lie one after the other as [in][PANEL], so the lanes of a
 * vector are outputs, weights are widened in registers and no sum runs across lanes. Every product
 * adds in rising order of the inputs, whatever the number of rows: a row's result does not depend
 * on the rows beside it, bit for bit. Immutable, any thread.
 */
public final class RowMatrix {

  private static final int PANEL = 2 * Lanes.COUNT;

  /**
   * Panels that a product with one row works on at once, so that sums do not wait for each other:
   * 64 outputs, which cores can share out fairly.
   */
  private static final int GROUP = Math.min(4, 64 / PANEL);

  /** Rows of the two register tiles for many rows: 8 and 12 sums. */
  private static final int SMALL_TILE = 4;

  private static final int TILE = 6;

  /** Products of this many terms and fewer are not worth a second thread. */
  private static final int SERIAL_TERMS = 32 * 1024;

  /**
   * Sums of a tile. The loops leave them here by calls of the Vector API, which the JIT always
   * inlines; a call of ours may be left out of a method this large, and then every sum of every
   * round is an object.
   */
  private static final ThreadLocal<float[]> SUMS =
      ThreadLocal.withInitial(() -> new float[TILE * PANEL]);

  private final DType format;
  private final int in;
  private final int out;
  private final int panels;
  private final MemorySegment codes;
  private final float[] scales;

  /** Packs matrices of one width, one under the other. Later changes of theirs change nothing. */
  public RowMatrix(List<WeightRows> parts) {
    in = parts.getFirst().columns();
    int rows = 0;
    DType common = kept(parts.getFirst());
    for (WeightRows part : parts) {
      if (part.columns() != in) {
        throw new IllegalArgumentException(
            "parts: rows of " + part.columns() + ", expected " + in + " as the first part's");
      }
      rows = Math.addExact(rows, part.rows());
      common = kept(part) == common ? common : DType.F32;
    }
    out = rows;
    format = common;
    panels = Math.ceilDiv(out, PANEL);
    codes = Arena.ofAuto().allocate(format.bytes((long) panels * PANEL * in), 64);
    scales = new float[panels * PANEL];
    Arrays.fill(scales, 1);
    int first = 0;
    for (WeightRows part : parts) {
      pack(part, first);
      first += part.rows();
    }
  }

  /** The format in which rows stay what they are; others are widened. */
  private static DType kept(WeightRows part) {
    boolean plain =
        part.format() == DType.BF16
            || (part.format() == DType.INT8 && part.group() == part.columns());
    return plain ? part.format() : DType.F32;
  }

  private void pack(WeightRows part, int first) {
    Parallel.forRange(
        part.rows(),
        PANEL,
        (start, end) -> {
          float[] row = new float[in];
          for (int r = start; r < end; r++) {
            int o = first + r;
            long to = (long) (o / PANEL) * PANEL * in + o % PANEL;
            if (format == DType.F32) {
              part.read(r, row);
              for (int i = 0; i < in; i++) {
                codes.setAtIndex(ValueLayout.JAVA_FLOAT, to + (long) i * PANEL, row[i]);
              }
            } else {
              Tensor scale = part.scales();
              scales[o] = scale == null ? 1 : scale.floatAt(scale.offset(r, 0));
              copy(part.codes(), part.codes().offset(r, 0), to);
            }
          }
        });
  }

  private void copy(Tensor from, long at, long to) {
    MemorySegment source = from.segment();
    for (int i = 0; i < in; i++, to += PANEL) {
      if (format == DType.INT8) {
        codes.set(ValueLayout.JAVA_BYTE, to, source.get(ValueLayout.JAVA_BYTE, at + i));
      } else {
        short code = source.get(ValueLayout.JAVA_SHORT_UNALIGNED, at + 2L * i);
        codes.setAtIndex(ValueLayout.JAVA_SHORT, to, code);
      }
    }
  }

  /** Columns of W: the width of an input row. */
  public int in() {
    return in;
  }

  /** Rows of W: the width of an output row. */
  public int out() {
    return out;
  }

  /** Widens a row of W exactly. */
  public void read(int row, float[] to) {
    long at = (long) (row / PANEL) * PANEL * in + row % PANEL;
    for (int i = 0; i < in; i++, at += PANEL) {
      to[i] =
          scales[row]
              * switch (format) {
                case INT8 -> codes.get(ValueLayout.JAVA_BYTE, at);
                case BF16 -> FloatFormats.fromBf16(codes.getAtIndex(ValueLayout.JAVA_SHORT, at));
                default -> codes.getAtIndex(ValueLayout.JAVA_FLOAT, at);
              };
    }
  }

  /** Weights, as a measure of what a product reads. */
  public long weights() {
    return (long) in * out;
  }

  /**
   * Computes {@code y = x W^T}, or adds it, over all cores.
   *
   * @param rows rows of x and y
   * @param x [rows, in]
   * @param y [rows, out]
   * @param add whether the product is added to what y holds
   */
  public void multiply(int rows, float[] x, float[] y, boolean add) {
    int groups = Math.ceilDiv(panels, GROUP);
    long terms = (long) rows * weights();
    int grain = terms <= SERIAL_TERMS ? groups : Math.max(1, groups / (4 * Parallel.THREADS));
    Parallel.forRange(groups, grain, (from, to) -> groups(from, to, rows, x, y, add));
  }

  private void groups(int from, int to, int rows, float[] x, float[] y, boolean add) {
    float[] sums = SUMS.get();
    for (int group = from; group < to; group++) {
      int panelFrom = group * GROUP;
      int panelTo = Math.min(panels, panelFrom + GROUP);
      if (rows == 1 && panelTo - panelFrom == GROUP) {
        row(panelFrom, x, sums);
        for (int i = 0; i < GROUP; i++) {
          store(sums, i, panelFrom + i, y, 0, add);
        }
      } else {
        for (int panel = panelFrom; panel < panelTo; panel++) {
          int row = 0;
          // Rows that fill no tile of 6 take the small tile where it is enough.
          for (; rows - row > SMALL_TILE; row += TILE) {
            int valid = Math.min(TILE, rows - row);
            tile(panel, x, row, valid, sums);
            storeRows(sums, valid, panel, y, row, add);
          }
          if (row < rows) {
            smallTile(panel, x, row, rows - row, sums);
            storeRows(sums, rows - row, panel, y, row, add);
          }
        }
      }
    }
  }

  /** The vector of weights from element {@code at} on, without the scale. */
  private static FloatVector weights(DType format, MemorySegment codes, long at) {
    return switch (format) {
      case INT8 -> Lanes.int8(codes, at);
      case BF16 -> Lanes.bf16(codes, 2 * at);
      default -> Lanes.load(codes, at);
    };
  }

  /** One row of x with {@link #GROUP} panels. */
  private void row(int panel, float[] x, float[] sums) {
    DType format = this.format;
    MemorySegment codes = this.codes;
    FloatVector zero = FloatVector.zero(Lanes.SPECIES);
    FloatVector s00 = zero, s01 = zero, s10 = zero, s11 = zero;
    FloatVector s20 = zero, s21 = zero, s30 = zero, s31 = zero;
    long step = (long) in * PANEL;
    long at = panel * step;
    for (int k = 0; k < in; k++, at += PANEL) {
      FloatVector v = Lanes.broadcast(x[k]);
      s00 = v.fma(weights(format, codes, at), s00);
      s01 = v.fma(weights(format, codes, at + Lanes.COUNT), s01);
      s10 = v.fma(weights(format, codes, at + step), s10);
      s11 = v.fma(weights(format, codes, at + step + Lanes.COUNT), s11);
      if (GROUP > 2) {
        s20 = v.fma(weights(format, codes, at + 2 * step), s20);
        s21 = v.fma(weights(format, codes, at + 2 * step + Lanes.COUNT), s21);
        s30 = v.fma(weights(format, codes, at + 3 * step), s30);
        s31 = v.fma(weights(format, codes, at + 3 * step + Lanes.COUNT), s31);
      }
    }
    s00.intoArray(sums, 0);
    s01.intoArray(sums, Lanes.COUNT);
    s10.intoArray(sums, PANEL);
    s11.intoArray(sums, PANEL + Lanes.COUNT);
    if (GROUP > 2) {
      s20.intoArray(sums, 2 * PANEL);
      s21.intoArray(sums, 2 * PANEL + Lanes.COUNT);
      s30.intoArray(sums, 3 * PANEL);
      s31.intoArray(sums, 3 * PANEL + Lanes.COUNT);
    }
  }

  /** Up to 4 rows of x with one panel; rows past the valid ones repeat the last. */
  private void smallTile(int panel, float[] x, int row, int valid, float[] sums) {
    DType format = this.format;
    MemorySegment codes = this.codes;
    FloatVector zero = FloatVector.zero(Lanes.SPECIES);
    FloatVector s00 = zero, s01 = zero, s10 = zero, s11 = zero;
    FloatVector s20 = zero, s21 = zero, s30 = zero, s31 = zero;
    int a0 = row * in;
    int a1 = (row + Math.min(1, valid - 1)) * in;
    int a2 = (row + Math.min(2, valid - 1)) * in;
    int a3 = (row + Math.min(3, valid - 1)) * in;
    long w = (long) panel * in * PANEL;
    for (int k = 0; k < in; k++) {
      FloatVector w0 = weights(format, codes, w + (long) k * PANEL);
      FloatVector w1 = weights(format, codes, w + (long) k * PANEL + Lanes.COUNT);
      FloatVector v = Lanes.broadcast(x[a0 + k]);
      s00 = v.fma(w0, s00);
      s01 = v.fma(w1, s01);
      v = Lanes.broadcast(x[a1 + k]);
      s10 = v.fma(w0, s10);
      s11 = v.fma(w1, s11);
      v = Lanes.broadcast(x[a2 + k]);
      s20 = v.fma(w0, s20);
      s21 = v.fma(w1, s21);
      v = Lanes.broadcast(x[a3 + k]);
      s30 = v.fma(w0, s30);
      s31 = v.fma(w1, s31);
    }
    s00.intoArray(sums, 0);
    s01.intoArray(sums, Lanes.COUNT);
    s10.intoArray(sums, PANEL);
    s11.intoArray(sums, PANEL + Lanes.COUNT);
    s20.intoArray(sums, 2 * PANEL);
    s21.intoArray(sums, 2 * PANEL + Lanes.COUNT);
    s30.intoArray(sums, 3 * PANEL);
    s31.intoArray(sums, 3 * PANEL + Lanes.COUNT);
  }

  /** Up to 6 rows of x with one panel. */
  private void tile(int panel, float[] x, int row, int valid, float[] sums) {
    DType format = this.format;
    MemorySegment codes = this.codes;
    FloatVector zero = FloatVector.zero(Lanes.SPECIES);
    FloatVector s00 = zero, s01 = zero, s10 = zero, s11 = zero, s20 = zero, s21 = zero;
    FloatVector s30 = zero, s31 = zero, s40 = zero, s41 = zero, s50 = zero, s51 = zero;
    int a0 = row * in;
    int a1 = a0 + in;
    int a2 = a1 + in;
    int a3 = a2 + in;
    int a4 = a3 + in;
    int a5 = (row + valid - 1) * in; // more than 4 are valid
    long w = (long) panel * in * PANEL;
    for (int k = 0; k < in; k++) {
      FloatVector w0 = weights(format, codes, w + (long) k * PANEL);
      FloatVector w1 = weights(format, codes, w + (long) k * PANEL + Lanes.COUNT);
      FloatVector v = Lanes.broadcast(x[a0 + k]);
      s00 = v.fma(w0, s00);
      s01 = v.fma(w1, s01);
      v = Lanes.broadcast(x[a1 + k]);
      s10 = v.fma(w0, s10);
      s11 = v.fma(w1, s11);
      v = Lanes.broadcast(x[a2 + k]);
      s20 = v.fma(w0, s20);
      s21 = v.fma(w1, s21);
      v = Lanes.broadcast(x[a3 + k]);
      s30 = v.fma(w0, s30);
      s31 = v.fma(w1, s31);
      v = Lanes.broadcast(x[a4 + k]);
      s40 = v.fma(w0, s40);
      s41 = v.fma(w1, s41);
      v = Lanes.broadcast(x[a5 + k]);
      s50 = v.fma(w0, s50);
      s51 = v.fma(w1, s51);
    }
    s00.intoArray(sums, 0);
    s01.intoArray(sums, Lanes.COUNT);
    s10.intoArray(sums, PANEL);
    s11.intoArray(sums, PANEL + Lanes.COUNT);
    s20.intoArray(sums, 2 * PANEL);
    s21.intoArray(sums, 2 * PANEL + Lanes.COUNT);
    s30.intoArray(sums, 3 * PANEL);
    s31.intoArray(sums, 3 * PANEL + Lanes.COUNT);
    s40.intoArray(sums, 4 * PANEL);
    s41.intoArray(sums, 4 * PANEL + Lanes.COUNT);
    s50.intoArray(sums, 5 * PANEL);
    s51.intoArray(sums, 5 * PANEL + Lanes.COUNT);
  }

  /** Puts the first {@code valid} rows of {@code sums} into a panel of y, from {@code row} on. */
  private void storeRows(float[] sums, int valid, int panel, float[] y, int row, boolean add) {
    for (int i = 0; i < valid; i++) {
      store(sums, i, panel, y, row + i, add);
    }
  }

  /** Puts row {@code from} of {@code sums} into a panel of row {@code row} of y. */
  private void store(float[] sums, int from, int panel, float[] y, int row, boolean add) {
    int column = panel * PANEL;
    int columns = Math.min(PANEL, out - column);
    int at = row * out + column;
    int s = from * PANEL;
    int i = 0;
    for (; i <= columns - Lanes.COUNT; i += Lanes.COUNT) {
      FloatVector scale = FloatVector.fromArray(Lanes.SPECIES, scales, column + i);
      FloatVector v = FloatVector.fromArray(Lanes.SPECIES, sums, s + i).mul(scale);
      if (add) {
        v = v.add(FloatVector.fromArray(Lanes.SPECIES, y, at + i));
      }
      v.intoArray(y, at + i);
    }
    for (; i < columns; i++) {
      float value = sums[s + i] * scales[column + i];
      y[at + i] = add ? y[at + i] + value : value;
    }
  }
}
