package io.github.trimtab.internal.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;

/** Copies rows of some hundred bytes without a call for each. */
final class RowCopy {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final int VECTOR = Lanes.WIDEST_BYTES.length();

  private RowCopy() {}

  /**
   * Copies {@code count} keys and their values, the i-th key from byte {@code offsets[first + 2 *
   * i]} to byte {@code offsets[first + 2 * i + 1]}.
   *
   * @param fromValue distance from a key to its value in the source
   * @param toValue distance from a key to its value in the target
   * @param bytes of a key, a multiple of 8
   */
  static void pairs(
      MemorySegment source,
      long fromValue,
      MemorySegment target,
      long toValue,
      long[] offsets,
      int first,
      int count,
      int bytes) {
    switch (bytes) {
      case 256 -> pairsOf256(source, fromValue, target, toValue, offsets, first, count);
      default -> {
        for (int i = 0; i < count; i++) {
          long from = offsets[first + 2 * i];
          long to = offsets[first + 2 * i + 1];
          row(source, from, target, to, bytes);
          row(source, from + fromValue, target, to + toValue, bytes);
        }
      }
    }
  }

  private static void pairsOf256(
      MemorySegment source,
      long fromValue,
      MemorySegment target,
      long toValue,
      long[] offsets,
      int first,
      int count) {
    for (int i = 0; i < count; i++) {
      long from = offsets[first + 2 * i];
      long to = offsets[first + 2 * i + 1];
      vectors(source, from, target, to, 256);
      vectors(source, from + fromValue, target, to + toValue, 256);
    }
  }

  private static void vectors(
      MemorySegment source, long from, MemorySegment target, long to, int bytes) {
    // Slices of a constant length: one bounds check each for all vectors.
    MemorySegment a = source.asSlice(from, bytes);
    MemorySegment b = target.asSlice(to, bytes);
    // Written out: a loop over them is not unrolled.
    four(a, b, 0);
    if (bytes > 4 * VECTOR) {
      four(a, b, 4 * VECTOR);
    }
    if (bytes > 8 * VECTOR) {
      four(a, b, 8 * VECTOR);
      four(a, b, 12 * VECTOR);
    }
  }

  private static void four(MemorySegment from, MemorySegment to, int at) {
    ByteVector a = load(from, at);
    ByteVector b = load(from, at + VECTOR);
    ByteVector c = load(from, at + 2L * VECTOR);
    ByteVector d = load(from, at + 3L * VECTOR);
    a.intoMemorySegment(to, at, Lanes.ORDER);
    b.intoMemorySegment(to, at + VECTOR, Lanes.ORDER);
    c.intoMemorySegment(to, at + 2L * VECTOR, Lanes.ORDER);
    d.intoMemorySegment(to, at + 3L * VECTOR, Lanes.ORDER);
  }

  /** Copies one row of a multiple of 8 bytes. */
  static void row(MemorySegment source, long from, MemorySegment target, long to, int bytes) {
    int i = 0;
    for (; i + VECTOR <= bytes; i += VECTOR) {
      load(source, from + i).intoMemorySegment(target, to + i, Lanes.ORDER);
    }
    for (; i < bytes; i += Long.BYTES) {
      target.set(LONG, to + i, source.get(LONG, from + i));
    }
  }

  private static ByteVector load(MemorySegment source, long offset) {
    return ByteVector.fromMemorySegment(Lanes.WIDEST_BYTES, source, offset, Lanes.ORDER);
  }
}
