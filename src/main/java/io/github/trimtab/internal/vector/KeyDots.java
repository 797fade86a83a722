package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.LSHL;

import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The stream of {@link StreamDots} for the commonest keys, 128 elements of BF16, on machines of 512
 * bits: their 32 registers hold the whole query.
 *
 * <p>A round is a row, with no query to load and one slice to check. That takes less than half the
 * instructions, so that the processor, which looks a fixed number of them ahead, has more lines of
 * memory on their way.
 */
final class KeyDots {
  private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;
  private static final VectorSpecies<Integer> INTS = Lanes.INTS;
  private static final ByteOrder ORDER = Lanes.ORDER;

  private static final int COLUMNS = 128;

  /** Bytes of a row. */
  private static final long BYTES = 2L * COLUMNS;

  /** Bytes of a vector. */
  private static final long VECTOR = 64;

  /** Bytes of a page. */
  private static final long PAGE = 4096;

  private KeyDots() {}

  /** Whether rows of this format and size are read here. */
  static boolean takes(DType format, int columns) {
    return Lanes.BITS == 512 && format == DType.BF16 && columns == COLUMNS;
  }

  /** As the loops of {@link StreamDots}: a vector of {@code partial} a row. */
  static int bf16(
      MemorySegment from,
      long first,
      long stride,
      int count,
      MemorySegment query,
      long queryAt,
      float[] partial) {
    FloatVector zero = FloatVector.zero(FLOATS);
    IntVector odd = IntVector.broadcast(INTS, StreamDots.ODD);
    FloatVector q0 = FloatVector.fromMemorySegment(FLOATS, query, queryAt, ORDER);
    FloatVector q1 = FloatVector.fromMemorySegment(FLOATS, query, queryAt + VECTOR, ORDER);
    FloatVector q2 = FloatVector.fromMemorySegment(FLOATS, query, queryAt + 2 * VECTOR, ORDER);
    FloatVector q3 = FloatVector.fromMemorySegment(FLOATS, query, queryAt + 3 * VECTOR, ORDER);
    FloatVector q4 = FloatVector.fromMemorySegment(FLOATS, query, queryAt + 4 * VECTOR, ORDER);
    FloatVector q5 = FloatVector.fromMemorySegment(FLOATS, query, queryAt + 5 * VECTOR, ORDER);
    FloatVector q6 = FloatVector.fromMemorySegment(FLOATS, query, queryAt + 6 * VECTOR, ORDER);
    FloatVector q7 = FloatVector.fromMemorySegment(FLOATS, query, queryAt + 7 * VECTOR, ORDER);
    long end = from.byteSize() - 1;
    int touched = 0;
    long at = first;
    for (int row = 0; row < count; row++) {
      if (row % (PAGE / BYTES) == 0) {
        touched += from.get(ValueLayout.JAVA_BYTE, Math.min(at + PAGE, end));
      }
      MemorySegment p = from.asSlice(at, BYTES);
      IntVector w = IntVector.fromMemorySegment(INTS, p, 0, ORDER);
      IntVector x = IntVector.fromMemorySegment(INTS, p, VECTOR, ORDER);
      IntVector y = IntVector.fromMemorySegment(INTS, p, 2 * VECTOR, ORDER);
      IntVector z = IntVector.fromMemorySegment(INTS, p, 3 * VECTOR, ORDER);
      FloatVector e = w.lanewise(LSHL, 16).reinterpretAsFloats().fma(q0, zero);
      FloatVector o = w.lanewise(AND, odd).reinterpretAsFloats().fma(q1, zero);
      e = x.lanewise(LSHL, 16).reinterpretAsFloats().fma(q2, e);
      o = x.lanewise(AND, odd).reinterpretAsFloats().fma(q3, o);
      e = y.lanewise(LSHL, 16).reinterpretAsFloats().fma(q4, e);
      o = y.lanewise(AND, odd).reinterpretAsFloats().fma(q5, o);
      e = z.lanewise(LSHL, 16).reinterpretAsFloats().fma(q6, e);
      o = z.lanewise(AND, odd).reinterpretAsFloats().fma(q7, o);
      e.blend(o, Fold.HIGH_HALF)
          .add(o.blend(e, Fold.HIGH_HALF).rearrange(Fold.SWAP_HALVES))
          .intoArray(partial, row * Lanes.COUNT);
      at += stride;
    }
    return touched;
  }
}
