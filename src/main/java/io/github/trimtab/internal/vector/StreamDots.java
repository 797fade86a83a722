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
 * Canonical dot products of one query with rows that follow one another in memory, at its speed.
 *
 * <p>The 32 accumulator lanes of {@link CanonicalMath#dot} are {@link #ACCUMULATORS} vectors. Its
 * tree adds whole vectors first; {@link Fold} takes its last steps for many rows together.
 *
 * <p>Each format is one loop over the units of all rows: a loop for each row would take a third of
 * the speed, and so would a query in a Java array, since a vector load that crosses a cache line
 * stalls while others wait for memory. A unit is a slice of constant length, whose loads need no
 * check of their own. The loops call the Vector API itself, which the JIT inlines past the size at
 * which it leaves other methods out, and their accumulators start from a zero made in the method:
 * one from a constant would stay on the heap.
 */
final class StreamDots {
  /** 256-bit vectors at most: wider ones read memory more slowly here. */
  private static final int LANES = Fold.LANES;

  private static final VectorSpecies<Float> FLOATS = Fold.FLOATS;
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, FLOATS.vectorShape());
  private static final ByteOrder ORDER = Lanes.ORDER;

  /** The upper half of a pair of BF16 elements. */
  static final int ODD = 0xffff0000;

  private static final int ACCUMULATORS = CanonicalMath.LANES / LANES;

  /** Most rows of a call. */
  static final int ROWS = 64;

  /** Elements of a BF16 unit: four vectors of pairs. */
  private static final int PAIRED_UNIT = 8 * LANES;

  /** Elements of an F32 unit. */
  private static final int UNIT = CanonicalMath.LANES;

  private StreamDots() {}

  /** Whether there is a loop for rows of this format and size. */
  static boolean takes(DType format, int columns) {
    return switch (format) {
      case F32 -> columns % UNIT == 0;
      case BF16 -> columns % PAIRED_UNIT == 0;
      default -> false;
    };
  }

  /**
   * Puts a query of F32 elements in place.
   *
   * @param to aligned to whole vectors: for BF16 the even elements of each two vectors before the
   *     odd ones, the order in which two BF16 halves of an int come out of a vector of ints
   */
  static void arrange(
      DType format, float[] query, int index, int columns, MemorySegment to, long at) {
    arrange(format, LANES, query, index, columns, to, at);
  }

  /** As above for vectors of {@code lanes}. */
  static void arrange(
      DType format, int lanes, float[] query, int index, int columns, MemorySegment to, long at) {
    boolean paired = format == DType.BF16;
    for (int i = 0; i < columns; i++) {
      int pair = i % (2 * lanes);
      int from = pair < lanes ? 2 * pair : 2 * (pair - lanes) + 1;
      to.set(Workspace.FLOAT, at + 4L * i, query[index + (paired ? i - pair + from : i)]);
    }
  }

  /**
   * {@code to[toIndex + r] = dot(query, row r) * factor} for up to {@link #ROWS} rows.
   *
   * @param first byte offset of the first row
   * @param stride bytes from row to row
   * @param query at byte {@code queryAt}, as {@link #arrange} puts it
   * @param to with {@link Dots#room} for the results
   * @param own whose partial results may be overwritten
   */
  static void rows(
      DType format,
      MemorySegment from,
      long first,
      long stride,
      int count,
      int columns,
      MemorySegment query,
      long queryAt,
      float factor,
      float[] to,
      int toIndex,
      Workspace own) {
    float[] partial = own.floats(Workspace.Floats.PARTIAL, 2 * ROWS * LANES);
    if (format == DType.BF16) {
      int units = count * (columns / PAIRED_UNIT);
      bf16(from, first, stride, units, columns, query, queryAt, partial);
      Fold.pairs(partial, count, factor, to, toIndex);
    } else {
      int units = count * (columns / UNIT);
      f32(from, first, stride, units, columns, query, queryAt, partial);
      Fold.narrow(partial, count, factor, to, toIndex);
    }
  }

  /**
   * Two vectors of {@code partial} a row, of its even elements and of its odd ones. {@link Fold}
   * brings them together: merged here, they cost this loop its registers.
   */
  private static void bf16(
      MemorySegment from,
      long first,
      long stride,
      int units,
      int columns,
      MemorySegment query,
      long queryAt,
      float[] partial) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector e0 = zero;
    FloatVector o0 = zero;
    FloatVector e1 = zero;
    FloatVector o1 = zero;
    FloatVector e2 = zero;
    FloatVector o2 = zero;
    FloatVector e3 = zero;
    FloatVector o3 = zero;
    int row = 0;
    int i = 0;
    long at = first;
    for (int unit = 0; unit < units; unit++) {
      MemorySegment p = from.asSlice(at, 2L * PAIRED_UNIT);
      MemorySegment q = query.asSlice(queryAt + 4L * i, 4L * PAIRED_UNIT);
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
      i += PAIRED_UNIT;
      at += 2L * PAIRED_UNIT;
      if (i == columns) {
        if (ACCUMULATORS == 8) {
          e0 = e0.add(e2);
          o0 = o0.add(o2);
          e1 = e1.add(e3);
          o1 = o1.add(o3);
        }
        e0 = e0.add(e1);
        o0 = o0.add(o1);
        e0.intoArray(partial, 2 * row * LANES);
        o0.intoArray(partial, (2 * row + 1) * LANES);
        row++;
        at = first + row * stride;
        i = 0;
        e0 = zero;
        o0 = zero;
        e1 = zero;
        o1 = zero;
        e2 = zero;
        o2 = zero;
        e3 = zero;
        o3 = zero;
      }
    }
  }

  private static void f32(
      MemorySegment from,
      long first,
      long stride,
      int units,
      int columns,
      MemorySegment query,
      long queryAt,
      float[] partial) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector a0 = zero;
    FloatVector a1 = zero;
    FloatVector a2 = zero;
    FloatVector a3 = zero;
    FloatVector a4 = zero;
    FloatVector a5 = zero;
    FloatVector a6 = zero;
    FloatVector a7 = zero;
    int row = 0;
    int i = 0;
    long at = first;
    for (int unit = 0; unit < units; unit++) {
      MemorySegment p = from.asSlice(at, 4L * UNIT);
      MemorySegment q = query.asSlice(queryAt + 4L * i, 4L * UNIT);
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
      i += UNIT;
      at += 4L * UNIT;
      if (i == columns) {
        if (ACCUMULATORS == 8) {
          a0 = a0.add(a4);
          a1 = a1.add(a5);
          a2 = a2.add(a6);
          a3 = a3.add(a7);
        }
        a0.add(a2).add(a1.add(a3)).intoArray(partial, row * LANES);
        row++;
        at = first + row * stride;
        i = 0;
        a0 = zero;
        a1 = zero;
        a2 = zero;
        a3 = zero;
        a4 = zero;
        a5 = zero;
        a6 = zero;
        a7 = zero;
      }
    }
  }
}
