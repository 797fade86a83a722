package io.github.trimtab.internal.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;

/** Copies rows of some hundred bytes without a call for each. */
final class RowCopy {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final long VECTOR = Lanes.BITS / 8;

  private RowCopy() {}

  /**
   * Copies row {@code from[i] + shift} for i in [start, end) to consecutive rows.
   *
   * @param bytes of a row, a multiple of 8
   */
  static void gather(
      MemorySegment source,
      long[] from,
      int start,
      int end,
      long shift,
      MemorySegment target,
      long to,
      int bytes) {
    for (int i = start; i < end; i++) {
      row(source, from[i] + shift, target, to, bytes);
      to += bytes;
    }
  }

  /** Copies one row of a multiple of 8 bytes. */
  static void row(MemorySegment source, long from, MemorySegment target, long to, int bytes) {
    long i = 0;
    for (; i + 4 * VECTOR <= bytes; i += 4 * VECTOR) {
      ByteVector a = load(source, from + i);
      ByteVector b = load(source, from + i + VECTOR);
      ByteVector c = load(source, from + i + 2 * VECTOR);
      ByteVector d = load(source, from + i + 3 * VECTOR);
      a.intoMemorySegment(target, to + i, Lanes.ORDER);
      b.intoMemorySegment(target, to + i + VECTOR, Lanes.ORDER);
      c.intoMemorySegment(target, to + i + 2 * VECTOR, Lanes.ORDER);
      d.intoMemorySegment(target, to + i + 3 * VECTOR, Lanes.ORDER);
    }
    for (; i < bytes; i += Long.BYTES) {
      target.set(LONG, to + i, source.get(LONG, from + i));
    }
  }

  private static ByteVector load(MemorySegment from, long offset) {
    return ByteVector.fromMemorySegment(Lanes.BYTES, from, offset, Lanes.ORDER);
  }
}
