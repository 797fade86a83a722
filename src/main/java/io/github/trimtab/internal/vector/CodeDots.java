package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;

/**
 * Canonical dot products of one query with INT8 rows that have BF16 scales, row after row, written
 * as {@link StreamDots} says.
 */
final class CodeDots {
  private static final int UNIT = CanonicalMath.LANES;

  private CodeDots() {}

  /** Whether there is a loop for these rows. */
  static boolean takes(WeightRows rows) {
    Tensor scales = rows.scales();
    return rows.format() == DType.INT8
        && rows.columns() % UNIT == 0
        && rows.group() % UNIT == 0
        && scales != null
        && scales.dtype() == DType.BF16;
  }

  /**
   * A vector of accumulators of each of {@code count} rows from {@code chosen[first]} on.
   *
   * @return what {@link Workspace#touched} takes
   */
  static int int8(
      WeightRows rows, int[] chosen, int first, int count, MemorySegment query, float[] partial) {
    Tensor codes = rows.codes();
    Tensor scales = Objects.requireNonNull(rows.scales());
    MemorySegment from = codes.segment();
    MemorySegment scaleFrom = scales.segment();
    int columns = rows.columns();
    int group = rows.group();
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    int touched = 0;
    for (int r = 0; r < count; r++) {
      int next = chosen[Math.min(first + r + 1, first + count - 1)];
      touched += from.get(ValueLayout.JAVA_BYTE, codes.offset(next, 0));
      long at = codes.offset(chosen[first + r], 0);
      long scaleAt = scales.offset(chosen[first + r], 0);
      FloatVector a0 = zero;
      FloatVector a1 = zero;
      FloatVector a2 = zero;
      FloatVector a3 = zero;
      FloatVector a4 = zero;
      FloatVector a5 = zero;
      FloatVector a6 = zero;
      FloatVector a7 = zero;
      FloatVector scale = zero;
      int nextGroup = 0;
      for (int i = 0; i < columns; i += UNIT) {
        if (i == nextGroup) {
          short bits = scaleFrom.get(ValueLayout.JAVA_SHORT_UNALIGNED, scaleAt);
          scale = Lanes.broadcast(FloatFormats.fromBf16(bits));
          scaleAt += Short.BYTES;
          nextGroup += group;
        }
        MemorySegment p = from.asSlice(at + i, UNIT);
        MemorySegment q = query.asSlice(4L * i, 4L * UNIT);
        a0 =
            weight(p, 0, scale)
                .fma(FloatVector.fromMemorySegment(Lanes.FLOATS, q, 0, Lanes.ORDER), a0);
        a1 =
            weight(p, 1, scale)
                .fma(
                    FloatVector.fromMemorySegment(Lanes.FLOATS, q, 4L * Lanes.COUNT, Lanes.ORDER),
                    a1);
        if (Lanes.COUNT < 16) {
          a2 =
              weight(p, 2, scale)
                  .fma(
                      FloatVector.fromMemorySegment(Lanes.FLOATS, q, 8L * Lanes.COUNT, Lanes.ORDER),
                      a2);
          a3 =
              weight(p, 3, scale)
                  .fma(
                      FloatVector.fromMemorySegment(
                          Lanes.FLOATS, q, 12L * Lanes.COUNT, Lanes.ORDER),
                      a3);
        }
        if (Lanes.COUNT < 8) {
          a4 =
              weight(p, 4, scale)
                  .fma(
                      FloatVector.fromMemorySegment(
                          Lanes.FLOATS, q, 16L * Lanes.COUNT, Lanes.ORDER),
                      a4);
          a5 =
              weight(p, 5, scale)
                  .fma(
                      FloatVector.fromMemorySegment(
                          Lanes.FLOATS, q, 20L * Lanes.COUNT, Lanes.ORDER),
                      a5);
          a6 =
              weight(p, 6, scale)
                  .fma(
                      FloatVector.fromMemorySegment(
                          Lanes.FLOATS, q, 24L * Lanes.COUNT, Lanes.ORDER),
                      a6);
          a7 =
              weight(p, 7, scale)
                  .fma(
                      FloatVector.fromMemorySegment(
                          Lanes.FLOATS, q, 28L * Lanes.COUNT, Lanes.ORDER),
                      a7);
        }
      }
      if (Lanes.COUNT < 8) {
        a0 = a0.add(a4);
        a1 = a1.add(a5);
        a2 = a2.add(a6);
        a3 = a3.add(a7);
      }
      if (Lanes.COUNT < 16) {
        a0 = a0.add(a2);
        a1 = a1.add(a3);
      }
      a0.add(a1).intoArray(partial, r * Lanes.COUNT);
    }
    return touched;
  }

  private static FloatVector weight(MemorySegment slice, int i, FloatVector scale) {
    return Widen.int8(slice, (long) Lanes.COUNT * i).mul(scale);
  }
}
