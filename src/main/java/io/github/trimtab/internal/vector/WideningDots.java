package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Canonical dot products of one vector with F16, FP8 and INT4 rows where they lie, which take
 * longer to widen than to read: widened in registers, two to three times as fast as through a
 * cache.
 *
 * <p>A format is a loop of its own over the same eight accumulators, of which a width uses as many
 * as make 32 lanes. They start from a zero made in the method: one from a constant would keep them
 * on the heap. Rows and groups are whole units of 32 elements.
 */
final class WideningDots {
  private static final int LANES = Lanes.COUNT;
  private static final int UNIT = CanonicalMath.LANES;
  private static final int ACCUMULATORS = UNIT / LANES;

  private WideningDots() {}

  /** Whether there is a loop for rows of this format and size. */
  static boolean takes(WeightRows rows) {
    boolean units = rows.columns() % UNIT == 0 && rows.group() % UNIT == 0;
    return switch (rows.format()) {
      case F16, FP8_E4M3, INT4 -> units;
      default -> false;
    };
  }

  /**
   * Accumulates one row and adds its accumulators to one vector; {@link Fold#plain} does the rest.
   *
   * @param scales the row's scales, where the format has them
   * @param query as many elements as a row
   */
  static void row(
      WeightRows rows, int row, float[] scales, float[] query, float[] partial, int to) {
    Tensor codes = rows.codes();
    MemorySegment from = codes.segment();
    long at = codes.offset(row, 0);
    int n = rows.columns();
    switch (rows.format()) {
      case F16 -> f16(from, at, n, query, partial, to);
      case FP8_E4M3 -> fp8(from, at, n, scales[0], query, partial, to);
      default -> int4(from, at, n, rows.group(), scales, query, partial, to);
    }
  }

  private static void f16(
      MemorySegment from, long at, int n, float[] query, float[] partial, int to) {
    int q = 0;
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a0 = zero;
    FloatVector a1 = zero;
    FloatVector a2 = zero;
    FloatVector a3 = zero;
    FloatVector a4 = zero;
    FloatVector a5 = zero;
    FloatVector a6 = zero;
    FloatVector a7 = zero;
    for (int i = 0; i < n; i += UNIT) {
      a0 = Widen.f16(from, at).fma(Lanes.load(query, q), a0);
      a1 = Widen.f16(from, at + 2L * LANES).fma(Lanes.load(query, q + LANES), a1);
      if (ACCUMULATORS > 2) {
        a2 = Widen.f16(from, at + 4L * LANES).fma(Lanes.load(query, q + 2 * LANES), a2);
        a3 = Widen.f16(from, at + 6L * LANES).fma(Lanes.load(query, q + 3 * LANES), a3);
      }
      if (ACCUMULATORS > 4) {
        a4 = Widen.f16(from, at + 8L * LANES).fma(Lanes.load(query, q + 4 * LANES), a4);
        a5 = Widen.f16(from, at + 10L * LANES).fma(Lanes.load(query, q + 5 * LANES), a5);
        a6 = Widen.f16(from, at + 12L * LANES).fma(Lanes.load(query, q + 6 * LANES), a6);
        a7 = Widen.f16(from, at + 14L * LANES).fma(Lanes.load(query, q + 7 * LANES), a7);
      }
      at += 2L * UNIT;
      q += UNIT;
    }
    store(a0, a1, a2, a3, a4, a5, a6, a7, partial, to);
  }

  private static void fp8(
      MemorySegment from, long at, int n, float rowScale, float[] query, float[] partial, int to) {
    int q = 0;
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a0 = zero;
    FloatVector a1 = zero;
    FloatVector a2 = zero;
    FloatVector a3 = zero;
    FloatVector a4 = zero;
    FloatVector a5 = zero;
    FloatVector a6 = zero;
    FloatVector a7 = zero;
    FloatVector scale = Lanes.broadcast(rowScale);
    for (int i = 0; i < n; i += UNIT) {
      a0 = Widen.fp8(from, at).mul(scale).fma(Lanes.load(query, q), a0);
      a1 = Widen.fp8(from, at + LANES).mul(scale).fma(Lanes.load(query, q + LANES), a1);
      if (ACCUMULATORS > 2) {
        a2 = Widen.fp8(from, at + 2L * LANES).mul(scale).fma(Lanes.load(query, q + 2 * LANES), a2);
        a3 = Widen.fp8(from, at + 3L * LANES).mul(scale).fma(Lanes.load(query, q + 3 * LANES), a3);
      }
      if (ACCUMULATORS > 4) {
        a4 = Widen.fp8(from, at + 4L * LANES).mul(scale).fma(Lanes.load(query, q + 4 * LANES), a4);
        a5 = Widen.fp8(from, at + 5L * LANES).mul(scale).fma(Lanes.load(query, q + 5 * LANES), a5);
        a6 = Widen.fp8(from, at + 6L * LANES).mul(scale).fma(Lanes.load(query, q + 6 * LANES), a6);
        a7 = Widen.fp8(from, at + 7L * LANES).mul(scale).fma(Lanes.load(query, q + 7 * LANES), a7);
      }
      at += UNIT;
      q += UNIT;
    }
    store(a0, a1, a2, a3, a4, a5, a6, a7, partial, to);
  }

  private static void int4(
      MemorySegment from,
      long at,
      int n,
      int group,
      float[] scales,
      float[] query,
      float[] partial,
      int to) {
    int q = 0;
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a0 = zero;
    FloatVector a1 = zero;
    FloatVector a2 = zero;
    FloatVector a3 = zero;
    FloatVector a4 = zero;
    FloatVector a5 = zero;
    FloatVector a6 = zero;
    FloatVector a7 = zero;
    FloatVector scale = zero;
    int next = 0;
    int g = 0;
    for (int i = 0; i < n; i += UNIT) {
      if (i == next) {
        scale = Lanes.broadcast(scales[g++]);
        next += group;
      }
      a0 = Widen.int4(from, at).mul(scale).fma(Lanes.load(query, q), a0);
      a1 = Widen.int4(from, at + LANES / 2).mul(scale).fma(Lanes.load(query, q + LANES), a1);
      if (ACCUMULATORS > 2) {
        a2 =
            Widen.int4(from, at + 2L * LANES / 2)
                .mul(scale)
                .fma(Lanes.load(query, q + 2 * LANES), a2);
        a3 =
            Widen.int4(from, at + 3L * LANES / 2)
                .mul(scale)
                .fma(Lanes.load(query, q + 3 * LANES), a3);
      }
      if (ACCUMULATORS > 4) {
        a4 =
            Widen.int4(from, at + 4L * LANES / 2)
                .mul(scale)
                .fma(Lanes.load(query, q + 4 * LANES), a4);
        a5 =
            Widen.int4(from, at + 5L * LANES / 2)
                .mul(scale)
                .fma(Lanes.load(query, q + 5 * LANES), a5);
        a6 =
            Widen.int4(from, at + 6L * LANES / 2)
                .mul(scale)
                .fma(Lanes.load(query, q + 6 * LANES), a6);
        a7 =
            Widen.int4(from, at + 7L * LANES / 2)
                .mul(scale)
                .fma(Lanes.load(query, q + 7 * LANES), a7);
      }
      at += UNIT / 2;
      q += UNIT;
    }
    store(a0, a1, a2, a3, a4, a5, a6, a7, partial, to);
  }

  /** The first steps of the tree, which add whole vectors. */
  private static void store(
      FloatVector a0,
      FloatVector a1,
      FloatVector a2,
      FloatVector a3,
      FloatVector a4,
      FloatVector a5,
      FloatVector a6,
      FloatVector a7,
      float[] partial,
      int to) {
    FloatVector sum = a0.add(a1);
    if (ACCUMULATORS == 4) {
      sum = a0.add(a2).add(a1.add(a3));
    } else if (ACCUMULATORS == 8) {
      sum = a0.add(a4).add(a2.add(a6)).add(a1.add(a5).add(a3.add(a7)));
    }
    sum.intoArray(partial, to);
  }
}
