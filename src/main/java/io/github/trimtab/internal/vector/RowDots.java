package io.github.trimtab.internal.vector;

import static io.github.trimtab.internal.vector.StreamDots.ODD;
import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.LSHL;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Canonical dot products of one vector with rows of weights where they lie, one row after the
 * other: the order in which memory is read fastest.
 *
 * <p>Rows are long, so each is a loop of its own, whose units are slices of constant length; the
 * query is aligned outside the heap, and the loops call the Vector API itself ({@link StreamDots}
 * says why). {@link Fold} takes the last steps of the tree for many rows together.
 */
final class RowDots {
  /** Lanes of a vector where rows follow one another: memory is read faster by 256 bits. */
  private static final int LANES = Fold.LANES;

  private static final VectorSpecies<Float> FLOATS = Fold.FLOATS;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(Integer.SIZE * LANES));
  private static final ByteOrder ORDER = Lanes.ORDER;
  private static final int UNIT = CanonicalMath.LANES;
  private static final int ACCUMULATORS = UNIT / LANES;

  /** Elements of a BF16 unit: four vectors of pairs. */
  private static final int PAIRED_UNIT = 8 * LANES;

  /** Rows that are folded together, a multiple of every width. */
  private static final int GROUP = 64;

  private RowDots() {}

  /** Whether there is a loop for rows of this format and size. */
  static boolean takes(WeightRows rows) {
    boolean units = rows.columns() % UNIT == 0 && rows.group() % UNIT == 0;
    return switch (rows.format()) {
      case F32 -> units;
      case BF16 -> rows.columns() % PAIRED_UNIT == 0;
      case INT8 -> {
        Tensor scales = rows.scales();
        yield units && scales != null && scales.dtype() == DType.BF16;
      }
      default -> false;
    };
  }

  /**
   * {@code to[i] = dot(query, row i)}.
   *
   * @param chosen {@code count} rows
   * @param query as {@link #arrange} puts it
   * @param to with {@link Dots#room} for the results
   */
  static void rows(
      WeightRows rows, int[] chosen, int count, MemorySegment query, float[] to, Workspace own) {
    float[] partial = own.floats(Floats.PARTIAL, 2 * GROUP * Lanes.COUNT);
    for (int i = 0; i < count; i += GROUP) {
      int n = Math.min(GROUP, count - i);
      switch (rows.format()) {
        case F32 -> {
          f32(rows, chosen, i, n, query, partial);
          Fold.narrow(partial, n, 1f, to, i);
        }
        case BF16 -> {
          if (Lanes.COUNT == LANES || follow(chosen, i, n)) {
            bf16(rows, chosen, i, n, query, partial);
          } else {
            wideBf16(rows, chosen, i, n, query, partial);
            Fold.halve(partial, 2 * n);
          }
          Fold.pairs(partial, n, 1f, to, i);
        }
        default -> {
          CodeDots.int8(rows, chosen, i, n, query, partial);
          Fold.plain(partial, n, 1f, to, i);
        }
      }
    }
  }

  /** Puts a query of F32 elements in place for {@link #rows}; for BF16 rows once a width. */
  static void arrange(DType format, float[] query, int columns, MemorySegment to) {
    StreamDots.arrange(format, LANES, query, 0, columns, to, 0);
    StreamDots.arrange(format, Lanes.COUNT, query, 0, columns, to, 4L * columns);
  }

  private static boolean follow(int[] chosen, int first, int count) {
    for (int i = first + 1; i < first + count; i++) {
      if (chosen[i] != chosen[i - 1] + 1) {
        return false;
      }
    }
    return true;
  }

  private static void bf16(
      WeightRows rows, int[] chosen, int first, int count, MemorySegment query, float[] partial) {
    Tensor codes = rows.codes();
    MemorySegment from = codes.segment();
    int columns = rows.columns();
    FloatVector zero = FloatVector.zero(FLOATS);
    for (int r = 0; r < count; r++) {
      long at = codes.offset(chosen[first + r], 0);
      FloatVector e0 = zero;
      FloatVector o0 = zero;
      FloatVector e1 = zero;
      FloatVector o1 = zero;
      FloatVector e2 = zero;
      FloatVector o2 = zero;
      FloatVector e3 = zero;
      FloatVector o3 = zero;
      for (int i = 0; i < columns; i += PAIRED_UNIT) {
        MemorySegment p = from.asSlice(at + 2L * i, 2L * PAIRED_UNIT);
        MemorySegment q = query.asSlice(4L * i, 4L * PAIRED_UNIT);
        IntVector w = IntVector.fromMemorySegment(INTS, p, 0, ORDER);
        IntVector x = IntVector.fromMemorySegment(INTS, p, 4L * LANES, ORDER);
        IntVector y = IntVector.fromMemorySegment(INTS, p, 8L * LANES, ORDER);
        IntVector z = IntVector.fromMemorySegment(INTS, p, 12L * LANES, ORDER);
        e0 =
            w.lanewise(LSHL, 16)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 0, ORDER), e0);
        o0 =
            w.lanewise(AND, ODD)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 4L * LANES, ORDER), o0);
        e1 =
            x.lanewise(LSHL, 16)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 8L * LANES, ORDER), e1);
        o1 =
            x.lanewise(AND, ODD)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 12L * LANES, ORDER), o1);
        if (ACCUMULATORS == 4) {
          e0 =
              y.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 16L * LANES, ORDER), e0);
          o0 =
              y.lanewise(AND, ODD)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 20L * LANES, ORDER), o0);
          e1 =
              z.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 24L * LANES, ORDER), e1);
          o1 =
              z.lanewise(AND, ODD)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 28L * LANES, ORDER), o1);
        } else {
          e2 =
              y.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 16L * LANES, ORDER), e2);
          o2 =
              y.lanewise(AND, ODD)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 20L * LANES, ORDER), o2);
          e3 =
              z.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 24L * LANES, ORDER), e3);
          o3 =
              z.lanewise(AND, ODD)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 28L * LANES, ORDER), o3);
        }
      }
      if (ACCUMULATORS == 8) {
        e0 = e0.add(e2);
        o0 = o0.add(o2);
        e1 = e1.add(e3);
        o1 = o1.add(o3);
      }
      e0.add(e1).intoArray(partial, 2 * r * LANES);
      o0.add(o1).intoArray(partial, (2 * r + 1) * LANES);
    }
  }

  /**
   * As {@link #bf16} in the machine's widest vectors: where rows lie apart, no prefetcher runs
   * ahead and what is under way is all that hides memory's latency, so the fewer instructions the
   * better.
   */
  private static void wideBf16(
      WeightRows rows, int[] chosen, int first, int count, MemorySegment query, float[] partial) {
    Tensor codes = rows.codes();
    MemorySegment from = codes.segment();
    int columns = rows.columns();
    MemorySegment arranged = query.asSlice(4L * columns, 4L * columns);
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    for (int r = 0; r < count; r++) {
      long at = codes.offset(chosen[first + r], 0);
      FloatVector e = zero;
      FloatVector o = zero;
      for (int i = 0; i < columns; i += 2 * UNIT) {
        MemorySegment p = from.asSlice(at + 2L * i, 4L * UNIT);
        MemorySegment q = arranged.asSlice(4L * i, 8L * UNIT);
        IntVector w = IntVector.fromMemorySegment(Lanes.INTS, p, 0, ORDER);
        IntVector x = IntVector.fromMemorySegment(Lanes.INTS, p, 2L * UNIT, ORDER);
        e =
            w.lanewise(LSHL, 16)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(Lanes.FLOATS, q, 0, Lanes.ORDER), e);
        o =
            w.lanewise(AND, ODD)
                .reinterpretAsFloats()
                .fma(
                    FloatVector.fromMemorySegment(Lanes.FLOATS, q, 4L * Lanes.COUNT, Lanes.ORDER),
                    o);
        e =
            x.lanewise(LSHL, 16)
                .reinterpretAsFloats()
                .fma(
                    FloatVector.fromMemorySegment(Lanes.FLOATS, q, 8L * Lanes.COUNT, Lanes.ORDER),
                    e);
        o =
            x.lanewise(AND, ODD)
                .reinterpretAsFloats()
                .fma(
                    FloatVector.fromMemorySegment(Lanes.FLOATS, q, 12L * Lanes.COUNT, Lanes.ORDER),
                    o);
      }
      e.intoArray(partial, 2 * r * Lanes.COUNT);
      o.intoArray(partial, (2 * r + 1) * Lanes.COUNT);
    }
  }

  private static void f32(
      WeightRows rows, int[] chosen, int first, int count, MemorySegment query, float[] partial) {
    Tensor codes = rows.codes();
    MemorySegment from = codes.segment();
    int columns = rows.columns();
    FloatVector zero = FloatVector.zero(FLOATS);
    for (int r = 0; r < count; r++) {
      long at = codes.offset(chosen[first + r], 0);
      FloatVector a0 = zero;
      FloatVector a1 = zero;
      FloatVector a2 = zero;
      FloatVector a3 = zero;
      FloatVector a4 = zero;
      FloatVector a5 = zero;
      FloatVector a6 = zero;
      FloatVector a7 = zero;
      for (int i = 0; i < columns; i += UNIT) {
        MemorySegment p = from.asSlice(at + 4L * i, 4L * UNIT);
        MemorySegment q = query.asSlice(4L * i, 4L * UNIT);
        a0 =
            FloatVector.fromMemorySegment(FLOATS, p, 0, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 0, ORDER), a0);
        a1 =
            FloatVector.fromMemorySegment(FLOATS, p, 4L * LANES, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 4L * LANES, ORDER), a1);
        a2 =
            FloatVector.fromMemorySegment(FLOATS, p, 8L * LANES, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 8L * LANES, ORDER), a2);
        a3 =
            FloatVector.fromMemorySegment(FLOATS, p, 12L * LANES, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 12L * LANES, ORDER), a3);
        if (ACCUMULATORS == 8) {
          a4 =
              FloatVector.fromMemorySegment(FLOATS, p, 16L * LANES, ORDER)
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 16L * LANES, ORDER), a4);
          a5 =
              FloatVector.fromMemorySegment(FLOATS, p, 20L * LANES, ORDER)
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 20L * LANES, ORDER), a5);
          a6 =
              FloatVector.fromMemorySegment(FLOATS, p, 24L * LANES, ORDER)
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 24L * LANES, ORDER), a6);
          a7 =
              FloatVector.fromMemorySegment(FLOATS, p, 28L * LANES, ORDER)
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 28L * LANES, ORDER), a7);
        }
      }
      if (ACCUMULATORS == 8) {
        a0 = a0.add(a4);
        a1 = a1.add(a5);
        a2 = a2.add(a6);
        a3 = a3.add(a7);
      }
      a0.add(a2).add(a1.add(a3)).intoArray(partial, r * LANES);
    }
  }
}
