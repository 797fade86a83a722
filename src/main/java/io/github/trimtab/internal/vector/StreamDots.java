package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.LSHL;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
 * check of their own. Processors do not read ahead well across the end of a page, so each page
 * touches the next one, which makes memory a fifth faster.
 *
 * <p>The loops call the Vector API itself, which the JIT inlines past the size at which it leaves
 * other methods out, and their accumulators start from a zero made in the method: one from a
 * constant would stay on the heap. So would accumulators where vectors of two widths are in use:
 * inside the Vector API the JIT then meets two types. Hence {@link Lanes} for all of it.
 */
final class StreamDots {
  private static final int LANES = Lanes.COUNT;
  private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
  private static final VectorSpecies<Integer> INTS = Lanes.INTS;
  private static final ByteOrder ORDER = Lanes.ORDER;

  /** Bytes of a vector. */
  private static final long VECTOR = 4L * LANES;

  /** The upper half of a pair of BF16 elements. */
  static final int ODD = 0xffff0000;

  private static final int ACCUMULATORS = CanonicalMath.LANES / LANES;

  /** Most rows of a call. */
  static final int ROWS = 64;

  /** Elements of a BF16 unit: two of the widest vectors of pairs, or four. */
  private static final int PAIRED_UNIT = Math.min(8 * LANES, 64);

  /** Elements of an F32 unit. */
  private static final int UNIT = CanonicalMath.LANES;

  /** Bytes of a page. */
  private static final int PAGE = 4096;

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
    boolean paired = format == DType.BF16;
    for (int i = 0; i < columns; i++) {
      int pair = i % (2 * LANES);
      int from = pair < LANES ? 2 * pair : 2 * (pair - LANES) + 1;
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
    float[] partial = own.floats(Workspace.Floats.PARTIAL, ROWS * LANES);
    if (KeyDots.takes(format, columns)) {
      own.touched = KeyDots.bf16(from, first, stride, count, query, queryAt, partial);
      Fold.pairs(partial, count, factor, to, toIndex);
    } else if (format == DType.BF16) {
      int units = count * (columns / PAIRED_UNIT);
      own.touched = bf16(from, first, stride, units, columns, query, queryAt, partial);
      Fold.pairs(partial, count, factor, to, toIndex);
    } else {
      int units = count * (columns / UNIT);
      own.touched = f32(from, first, stride, units, columns, query, queryAt, partial);
      Fold.plain(partial, count, factor, to, toIndex);
    }
  }

  /**
   * A vector of {@code partial} a row, its accumulators' even and odd lanes joined as {@link
   * Fold#join} does it, of which {@link Fold#pairs} makes sums.
   */
  private static int bf16(
      MemorySegment from,
      long first,
      long stride,
      int units,
      int columns,
      MemorySegment query,
      long queryAt,
      float[] partial) {
    FloatVector zero = FloatVector.zero(FLOATS);
    IntVector odd = IntVector.broadcast(INTS, ODD);
    FloatVector e0 = zero;
    FloatVector o0 = zero;
    FloatVector e1 = zero;
    FloatVector o1 = zero;
    FloatVector e2 = zero;
    FloatVector o2 = zero;
    FloatVector e3 = zero;
    FloatVector o3 = zero;
    long end = from.byteSize() - 1;
    int touched = 0;
    int row = 0;
    int i = 0;
    long at = first;
    for (int unit = 0; unit < units; unit++) {
      if (unit % (PAGE / 2 / PAIRED_UNIT) == 0) {
        touched += from.get(ValueLayout.JAVA_BYTE, Math.min(at + PAGE, end));
      }
      MemorySegment p = from.asSlice(at, 2L * PAIRED_UNIT);
      MemorySegment q = query.asSlice(queryAt + 4L * i, 4L * PAIRED_UNIT);
      IntVector w = IntVector.fromMemorySegment(INTS, p, 0, ORDER);
      IntVector x = IntVector.fromMemorySegment(INTS, p, VECTOR, ORDER);
      e0 =
          w.lanewise(LSHL, 16)
              .reinterpretAsFloats()
              .fma(FloatVector.fromMemorySegment(FLOATS, q, 0, ORDER), e0);
      o0 =
          w.lanewise(AND, odd)
              .reinterpretAsFloats()
              .fma(FloatVector.fromMemorySegment(FLOATS, q, VECTOR, ORDER), o0);
      if (ACCUMULATORS == 2) {
        e0 =
            x.lanewise(LSHL, 16)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 2 * VECTOR, ORDER), e0);
        o0 =
            x.lanewise(AND, odd)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 3 * VECTOR, ORDER), o0);
      } else {
        IntVector y = IntVector.fromMemorySegment(INTS, p, 2 * VECTOR, ORDER);
        IntVector z = IntVector.fromMemorySegment(INTS, p, 3 * VECTOR, ORDER);
        e1 =
            x.lanewise(LSHL, 16)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 2 * VECTOR, ORDER), e1);
        o1 =
            x.lanewise(AND, odd)
                .reinterpretAsFloats()
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 3 * VECTOR, ORDER), o1);
        if (ACCUMULATORS == 4) {
          e0 =
              y.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 4 * VECTOR, ORDER), e0);
          o0 =
              y.lanewise(AND, odd)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 5 * VECTOR, ORDER), o0);
          e1 =
              z.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 6 * VECTOR, ORDER), e1);
          o1 =
              z.lanewise(AND, odd)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 7 * VECTOR, ORDER), o1);
        } else {
          e2 =
              y.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 4 * VECTOR, ORDER), e2);
          o2 =
              y.lanewise(AND, odd)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 5 * VECTOR, ORDER), o2);
          e3 =
              z.lanewise(LSHL, 16)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 6 * VECTOR, ORDER), e3);
          o3 =
              z.lanewise(AND, odd)
                  .reinterpretAsFloats()
                  .fma(FloatVector.fromMemorySegment(FLOATS, q, 7 * VECTOR, ORDER), o3);
        }
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
        if (ACCUMULATORS > 2) {
          e0 = e0.add(e1);
          o0 = o0.add(o1);
        }
        e0.blend(o0, Fold.HIGH_HALF)
            .add(o0.blend(e0, Fold.HIGH_HALF).rearrange(Fold.SWAP_HALVES))
            .intoArray(partial, row * LANES);
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
    return touched;
  }

  /** A vector of {@code partial} a row, of which {@link Fold#plain} makes sums. */
  private static int f32(
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
    long end = from.byteSize() - 1;
    int touched = 0;
    int row = 0;
    int i = 0;
    long at = first;
    for (int unit = 0; unit < units; unit++) {
      if (unit % (PAGE / 4 / UNIT) == 0) {
        touched += from.get(ValueLayout.JAVA_BYTE, Math.min(at + PAGE, end));
      }
      MemorySegment p = from.asSlice(at, 4L * UNIT);
      MemorySegment q = query.asSlice(queryAt + 4L * i, 4L * UNIT);
      a0 =
          FloatVector.fromMemorySegment(FLOATS, p, 0, ORDER)
              .fma(FloatVector.fromMemorySegment(FLOATS, q, 0, ORDER), a0);
      a1 =
          FloatVector.fromMemorySegment(FLOATS, p, VECTOR, ORDER)
              .fma(FloatVector.fromMemorySegment(FLOATS, q, VECTOR, ORDER), a1);
      if (ACCUMULATORS > 2) {
        a2 =
            FloatVector.fromMemorySegment(FLOATS, p, 2 * VECTOR, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 2 * VECTOR, ORDER), a2);
        a3 =
            FloatVector.fromMemorySegment(FLOATS, p, 3 * VECTOR, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 3 * VECTOR, ORDER), a3);
      }
      if (ACCUMULATORS > 4) {
        a4 =
            FloatVector.fromMemorySegment(FLOATS, p, 4 * VECTOR, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 4 * VECTOR, ORDER), a4);
        a5 =
            FloatVector.fromMemorySegment(FLOATS, p, 5 * VECTOR, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 5 * VECTOR, ORDER), a5);
        a6 =
            FloatVector.fromMemorySegment(FLOATS, p, 6 * VECTOR, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 6 * VECTOR, ORDER), a6);
        a7 =
            FloatVector.fromMemorySegment(FLOATS, p, 7 * VECTOR, ORDER)
                .fma(FloatVector.fromMemorySegment(FLOATS, q, 7 * VECTOR, ORDER), a7);
      }
      i += UNIT;
      at += 4L * UNIT;
      if (i == columns) {
        if (ACCUMULATORS > 4) {
          a0 = a0.add(a4);
          a1 = a1.add(a5);
          a2 = a2.add(a6);
          a3 = a3.add(a7);
        }
        if (ACCUMULATORS > 2) {
          a0 = a0.add(a2);
          a1 = a1.add(a3);
        }
        a0.add(a1).intoArray(partial, row * LANES);
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
    return touched;
  }
}
