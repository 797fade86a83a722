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
   * Copies {@code count} rows, the i-th from byte {@code offsets[2 * i] + fromShift} to byte {@code
   * offsets[2 * i + 1] + toShift}.
   *
   * @param bytes of a row, a multiple of 8
   */
  static void rows(
      MemorySegment source,
      long fromShift,
      MemorySegment target,
      long toShift,
      long[] offsets,
      int count,
      int bytes) {
    if (bytes == 8 * VECTOR) {
      rowsOfEight(source, fromShift, target, toShift, offsets, count);
    } else {
      for (int i = 0; i < count; i++) {
        row(source, offsets[2 * i] + fromShift, target, offsets[2 * i + 1] + toShift, bytes);
      }
    }
  }

  // Written out, since a loop over some vectors costs more to enter than it copies, and long enough
  // to be compiled by itself: inlined, its many accesses would pass the JIT's limit of inlining.

  private static void rowsOfEight(
      MemorySegment source,
      long fromShift,
      MemorySegment target,
      long toShift,
      long[] offsets,
      int count) {
    for (int i = 0; i < count; i++) {
      long from = offsets[2 * i] + fromShift;
      long to = offsets[2 * i + 1] + toShift;
      ByteVector a = ByteVector.fromMemorySegment(Lanes.BYTES, source, from, Lanes.ORDER);
      ByteVector b = ByteVector.fromMemorySegment(Lanes.BYTES, source, from + VECTOR, Lanes.ORDER);
      ByteVector c =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + 2 * VECTOR, Lanes.ORDER);
      ByteVector d =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + 3 * VECTOR, Lanes.ORDER);
      ByteVector e =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + 4 * VECTOR, Lanes.ORDER);
      ByteVector f =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + 5 * VECTOR, Lanes.ORDER);
      ByteVector g =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + 6 * VECTOR, Lanes.ORDER);
      ByteVector h =
          ByteVector.fromMemorySegment(Lanes.BYTES, source, from + 7 * VECTOR, Lanes.ORDER);
      a.intoMemorySegment(target, to, Lanes.ORDER);
      b.intoMemorySegment(target, to + VECTOR, Lanes.ORDER);
      c.intoMemorySegment(target, to + 2 * VECTOR, Lanes.ORDER);
      d.intoMemorySegment(target, to + 3 * VECTOR, Lanes.ORDER);
      e.intoMemorySegment(target, to + 4 * VECTOR, Lanes.ORDER);
      f.intoMemorySegment(target, to + 5 * VECTOR, Lanes.ORDER);
      g.intoMemorySegment(target, to + 6 * VECTOR, Lanes.ORDER);
      h.intoMemorySegment(target, to + 7 * VECTOR, Lanes.ORDER);
    }
  }

  /** Copies one row of a multiple of 8 bytes. */
  static void row(MemorySegment source, long from, MemorySegment target, long to, int bytes) {
    long i = 0;
    for (; i + VECTOR <= bytes; i += VECTOR) {
      vector(source, from + i, target, to + i);
    }
    for (; i < bytes; i += Long.BYTES) {
      target.set(LONG, to + i, source.get(LONG, from + i));
    }
  }

  private static void vector(MemorySegment source, long from, MemorySegment target, long to) {
    ByteVector.fromMemorySegment(Lanes.BYTES, source, from, Lanes.ORDER)
        .intoMemorySegment(target, to, Lanes.ORDER);
  }
}
