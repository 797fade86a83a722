package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.LSHL;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Canonical dot products of one query with F32 or BF16 rows that lie apart. {@link StreamDots}
 * takes rows that follow one another, and says how such loops have to be written.
 *
 * <p>Processors do not read ahead from one row to another: where rows begin, all waits for memory.
 * So the rows of a tile are read side by side and wait together. The 32 accumulator lanes of {@link
 * CanonicalMath#dot} are {@link #ACCUMULATORS} vectors, of which a tile of {@link #ROWS} rows makes
 * eight, or twelve where machines have 32 registers for them. Rows are long, so each tile is a loop
 * of its own, over slices of rows: their loads then need no checks.
 */
final class RowDots {
  private static final int LANES = Lanes.COUNT;
  private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
  private static final VectorSpecies<Integer> INTS = Lanes.INTS;
  private static final ByteOrder ORDER = Lanes.ORDER;

  /** Elements of a row that a round takes. */
  private static final int UNIT = CanonicalMath.LANES;

  /** Bytes of a vector. */
  private static final long VECTOR = 4L * LANES;

  /** Vectors that make the 32 lanes of a row. */
  private static final int ACCUMULATORS = UNIT / LANES;

  /** Rows of a tile. */
  private static final int ROWS = (ACCUMULATORS == 2 ? 12 : 8) / ACCUMULATORS;

  /** Rows behind the last whose offsets are taken: they fill its tile. */
  static final int BEHIND = ROWS;

  // Two accumulators at a time take two vectors of one row: which row of the tile, which vectors.
  private static final int ROW_1 = 2 / ACCUMULATORS;
  private static final int ROW_2 = 4 / ACCUMULATORS;
  private static final int ROW_3 = 6 / ACCUMULATORS;
  private static final int ROW_4 = Math.min(8 / ACCUMULATORS, ROWS - 1);
  private static final int ROW_5 = Math.min(10 / ACCUMULATORS, ROWS - 1);
  private static final long AT_1 = 2 % ACCUMULATORS * VECTOR;
  private static final long AT_2 = 4 % ACCUMULATORS * VECTOR;
  private static final long AT_3 = 6 % ACCUMULATORS * VECTOR;

  /** Most rows of a call: whole groups of a fold at every width. */
  static final int MOST = 64;

  private RowDots() {}

  /**
   * {@code to[toIndex + r] = dot(query, row r)}.
   *
   * @param rows byte offsets of {@code count} rows, up to {@link #MOST}, from {@code first} on, and
   *     of {@link #BEHIND} others, which may be any
   * @param query as {@link StreamDots#arrange} puts it
   * @param to with {@link Dots#room} for the results
   */
  static void rows(
      DType format,
      MemorySegment from,
      long[] rows,
      int first,
      int count,
      int columns,
      MemorySegment query,
      float[] to,
      int toIndex,
      Workspace own) {
    float[] partial = own.floats(Workspace.Floats.PARTIAL, 2 * (MOST + ROWS) * LANES);
    if (format == DType.BF16) {
      bf16(from, rows, first, count, columns, query, partial);
      Fold.join(partial, count);
      Fold.pairs(partial, count, 1f, to, toIndex);
    } else {
      f32(from, rows, first, count, columns, query, partial);
      Fold.plain(partial, count, 1f, to, toIndex);
    }
  }

  /** Two vectors of {@code partial} a row, of its even elements and of its odd ones. */
  private static void bf16(
      MemorySegment from,
      long[] rows,
      int first,
      int count,
      int columns,
      MemorySegment query,
      float[] partial) {
    FloatVector zero = FloatVector.zero(FLOATS);
    IntVector odd = IntVector.broadcast(INTS, StreamDots.ODD);
    int to = 0;
    for (int row = first; row < first + count; row += ROWS) {
      MemorySegment w0 = from.asSlice(rows[row], 2L * columns);
      MemorySegment w1 = from.asSlice(rows[row + ROW_1], 2L * columns);
      MemorySegment w2 = from.asSlice(rows[row + ROW_2], 2L * columns);
      MemorySegment w3 = from.asSlice(rows[row + ROW_3], 2L * columns);
      MemorySegment w4 = from.asSlice(rows[row + ROW_4], 2L * columns);
      MemorySegment w5 = from.asSlice(rows[row + ROW_5], 2L * columns);
      FloatVector a0 = zero;
      FloatVector a1 = zero;
      FloatVector a2 = zero;
      FloatVector a3 = zero;
      FloatVector a4 = zero;
      FloatVector a5 = zero;
      FloatVector a6 = zero;
      FloatVector a7 = zero;
      FloatVector a8 = zero;
      FloatVector a9 = zero;
      FloatVector a10 = zero;
      FloatVector a11 = zero;
      for (int i = 0; i < columns; i += UNIT) {
        FloatVector q0 = FloatVector.fromMemorySegment(FLOATS, query, 4L * i, ORDER);
        FloatVector q1 = FloatVector.fromMemorySegment(FLOATS, query, 4L * i + VECTOR, ORDER);
        FloatVector q2 =
            ACCUMULATORS > 2
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 2 * VECTOR, ORDER)
                : q0;
        FloatVector q3 =
            ACCUMULATORS > 2
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 3 * VECTOR, ORDER)
                : q1;
        FloatVector q4 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 4 * VECTOR, ORDER)
                : q0;
        FloatVector q5 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 5 * VECTOR, ORDER)
                : q1;
        FloatVector q6 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 6 * VECTOR, ORDER)
                : q2;
        FloatVector q7 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 7 * VECTOR, ORDER)
                : q3;
        IntVector w = IntVector.fromMemorySegment(INTS, w0, 2L * i, ORDER);
        a0 = w.lanewise(LSHL, 16).reinterpretAsFloats().fma(q0, a0);
        a1 = w.lanewise(AND, odd).reinterpretAsFloats().fma(q1, a1);
        w = IntVector.fromMemorySegment(INTS, w1, 2L * i + AT_1 / 2, ORDER);
        a2 = w.lanewise(LSHL, 16).reinterpretAsFloats().fma(q2, a2);
        a3 = w.lanewise(AND, odd).reinterpretAsFloats().fma(q3, a3);
        w = IntVector.fromMemorySegment(INTS, w2, 2L * i + AT_2 / 2, ORDER);
        a4 = w.lanewise(LSHL, 16).reinterpretAsFloats().fma(q4, a4);
        a5 = w.lanewise(AND, odd).reinterpretAsFloats().fma(q5, a5);
        w = IntVector.fromMemorySegment(INTS, w3, 2L * i + AT_3 / 2, ORDER);
        a6 = w.lanewise(LSHL, 16).reinterpretAsFloats().fma(q6, a6);
        a7 = w.lanewise(AND, odd).reinterpretAsFloats().fma(q7, a7);
        if (ACCUMULATORS == 2) {
          w = IntVector.fromMemorySegment(INTS, w4, 2L * i, ORDER);
          a8 = w.lanewise(LSHL, 16).reinterpretAsFloats().fma(q0, a8);
          a9 = w.lanewise(AND, odd).reinterpretAsFloats().fma(q1, a9);
          w = IntVector.fromMemorySegment(INTS, w5, 2L * i, ORDER);
          a10 = w.lanewise(LSHL, 16).reinterpretAsFloats().fma(q0, a10);
          a11 = w.lanewise(AND, odd).reinterpretAsFloats().fma(q1, a11);
        }
      }
      if (ACCUMULATORS == 2) {
        a0.intoArray(partial, to);
        a1.intoArray(partial, to + LANES);
        a2.intoArray(partial, to + 2 * LANES);
        a3.intoArray(partial, to + 3 * LANES);
        a4.intoArray(partial, to + 4 * LANES);
        a5.intoArray(partial, to + 5 * LANES);
        a6.intoArray(partial, to + 6 * LANES);
        a7.intoArray(partial, to + 7 * LANES);
        a8.intoArray(partial, to + 8 * LANES);
        a9.intoArray(partial, to + 9 * LANES);
        a10.intoArray(partial, to + 10 * LANES);
        a11.intoArray(partial, to + 11 * LANES);
      } else if (ACCUMULATORS == 4) {
        a0.add(a2).intoArray(partial, to);
        a1.add(a3).intoArray(partial, to + LANES);
        a4.add(a6).intoArray(partial, to + 2 * LANES);
        a5.add(a7).intoArray(partial, to + 3 * LANES);
      } else {
        a0.add(a4).add(a2.add(a6)).intoArray(partial, to);
        a1.add(a5).add(a3.add(a7)).intoArray(partial, to + LANES);
      }
      to += 2 * ROWS * LANES;
    }
  }

  /** A vector of {@code partial} a row, of which {@link Fold#plain} makes sums. */
  private static void f32(
      MemorySegment from,
      long[] rows,
      int first,
      int count,
      int columns,
      MemorySegment query,
      float[] partial) {
    FloatVector zero = FloatVector.zero(FLOATS);
    int to = 0;
    for (int row = first; row < first + count; row += ROWS) {
      MemorySegment w0 = from.asSlice(rows[row], 4L * columns);
      MemorySegment w1 = from.asSlice(rows[row + ROW_1], 4L * columns);
      MemorySegment w2 = from.asSlice(rows[row + ROW_2], 4L * columns);
      MemorySegment w3 = from.asSlice(rows[row + ROW_3], 4L * columns);
      MemorySegment w4 = from.asSlice(rows[row + ROW_4], 4L * columns);
      MemorySegment w5 = from.asSlice(rows[row + ROW_5], 4L * columns);
      FloatVector a0 = zero;
      FloatVector a1 = zero;
      FloatVector a2 = zero;
      FloatVector a3 = zero;
      FloatVector a4 = zero;
      FloatVector a5 = zero;
      FloatVector a6 = zero;
      FloatVector a7 = zero;
      FloatVector a8 = zero;
      FloatVector a9 = zero;
      FloatVector a10 = zero;
      FloatVector a11 = zero;
      for (int i = 0; i < columns; i += UNIT) {
        FloatVector q0 = FloatVector.fromMemorySegment(FLOATS, query, 4L * i, ORDER);
        FloatVector q1 = FloatVector.fromMemorySegment(FLOATS, query, 4L * i + VECTOR, ORDER);
        FloatVector q2 =
            ACCUMULATORS > 2
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 2 * VECTOR, ORDER)
                : q0;
        FloatVector q3 =
            ACCUMULATORS > 2
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 3 * VECTOR, ORDER)
                : q1;
        FloatVector q4 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 4 * VECTOR, ORDER)
                : q0;
        FloatVector q5 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 5 * VECTOR, ORDER)
                : q1;
        FloatVector q6 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 6 * VECTOR, ORDER)
                : q2;
        FloatVector q7 =
            ACCUMULATORS > 4
                ? FloatVector.fromMemorySegment(FLOATS, query, 4L * i + 7 * VECTOR, ORDER)
                : q3;
        a0 = FloatVector.fromMemorySegment(FLOATS, w0, 4L * i, ORDER).fma(q0, a0);
        a1 = FloatVector.fromMemorySegment(FLOATS, w0, 4L * i + VECTOR, ORDER).fma(q1, a1);
        a2 = FloatVector.fromMemorySegment(FLOATS, w1, 4L * i + AT_1, ORDER).fma(q2, a2);
        a3 = FloatVector.fromMemorySegment(FLOATS, w1, 4L * i + AT_1 + VECTOR, ORDER).fma(q3, a3);
        a4 = FloatVector.fromMemorySegment(FLOATS, w2, 4L * i + AT_2, ORDER).fma(q4, a4);
        a5 = FloatVector.fromMemorySegment(FLOATS, w2, 4L * i + AT_2 + VECTOR, ORDER).fma(q5, a5);
        a6 = FloatVector.fromMemorySegment(FLOATS, w3, 4L * i + AT_3, ORDER).fma(q6, a6);
        a7 = FloatVector.fromMemorySegment(FLOATS, w3, 4L * i + AT_3 + VECTOR, ORDER).fma(q7, a7);
        if (ACCUMULATORS == 2) {
          a8 = FloatVector.fromMemorySegment(FLOATS, w4, 4L * i, ORDER).fma(q0, a8);
          a9 = FloatVector.fromMemorySegment(FLOATS, w4, 4L * i + VECTOR, ORDER).fma(q1, a9);
          a10 = FloatVector.fromMemorySegment(FLOATS, w5, 4L * i, ORDER).fma(q0, a10);
          a11 = FloatVector.fromMemorySegment(FLOATS, w5, 4L * i + VECTOR, ORDER).fma(q1, a11);
        }
      }
      if (ACCUMULATORS == 2) {
        a0.add(a1).intoArray(partial, to);
        a2.add(a3).intoArray(partial, to + LANES);
        a4.add(a5).intoArray(partial, to + 2 * LANES);
        a6.add(a7).intoArray(partial, to + 3 * LANES);
        a8.add(a9).intoArray(partial, to + 4 * LANES);
        a10.add(a11).intoArray(partial, to + 5 * LANES);
      } else if (ACCUMULATORS == 4) {
        a0.add(a2).add(a1.add(a3)).intoArray(partial, to);
        a4.add(a6).add(a5.add(a7)).intoArray(partial, to + LANES);
      } else {
        a0 = a0.add(a4).add(a2.add(a6));
        a0.add(a1.add(a5).add(a3.add(a7))).intoArray(partial, to);
      }
      to += ROWS * LANES;
    }
  }
}
