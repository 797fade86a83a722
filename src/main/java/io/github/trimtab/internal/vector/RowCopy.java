package io.github.trimtab.internal.vector;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.VectorSpecies;

/** Copies rows of some hundred bytes without a call for each. */
final class RowCopy {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final VectorSpecies<Byte> BYTES = Lanes.WIDEST_BYTES;
  private static final ByteOrder ORDER = Lanes.ORDER;
  private static final int VECTOR = BYTES.length();

  /** Bytes that are moved at once: four vectors. */
  private static final int BLOCK = 4 * VECTOR;

  private RowCopy() {}

  /**
   * Copies {@code count} keys and their values, the i-th key from byte {@code offsets[2 * i]} to
   * byte {@code offsets[2 * i + 1]}.
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
      int count,
      int bytes) {
    if (bytes % BLOCK == 0) {
      blocks(source, fromValue, target, toValue, offsets, count, bytes);
    } else if (bytes % VECTOR == 0) {
      vectors(source, fromValue, target, toValue, offsets, count, bytes);
    } else {
      for (int i = 0; i < count; i++) {
        long from = offsets[2 * i];
        long to = offsets[2 * i + 1];
        row(source, from, target, to, bytes);
        row(source, from + fromValue, target, to + toValue, bytes);
      }
    }
  }

  private static void vectors(
      MemorySegment source,
      long fromValue,
      MemorySegment target,
      long toValue,
      long[] offsets,
      int count,
      int bytes) {
    int units = count * (bytes / VECTOR);
    int next = 0;
    long from = 0;
    long to = 0;
    int b = bytes;
    for (int unit = 0; unit < units; unit++) {
      if (b == bytes) {
        from = offsets[next];
        to = offsets[next + 1];
        next += 2;
        b = 0;
      }
      ByteVector key = ByteVector.fromMemorySegment(BYTES, source, from + b, ORDER);
      ByteVector value = ByteVector.fromMemorySegment(BYTES, source, from + b + fromValue, ORDER);
      key.intoMemorySegment(target, to + b, ORDER);
      value.intoMemorySegment(target, to + b + toValue, ORDER);
      b += VECTOR;
    }
  }

  /** One loop over the blocks of all rows: a loop for each row would take a fifth of the speed. */
  private static void blocks(
      MemorySegment source,
      long fromValue,
      MemorySegment target,
      long toValue,
      long[] offsets,
      int count,
      int bytes) {
    int units = count * (bytes / BLOCK);
    int next = 0;
    long from = 0;
    long to = 0;
    int b = bytes;
    for (int unit = 0; unit < units; unit++) {
      if (b == bytes) {
        from = offsets[next];
        to = offsets[next + 1];
        next += 2;
        b = 0;
      }
      block(source, from + b, target, to + b);
      block(source, from + b + fromValue, target, to + b + toValue);
      b += BLOCK;
    }
  }

  /**
   * Copies one block: slices of constant length need one bounds check for all vectors, a loop over
   * the vectors would not be unrolled, and calls of the Vector API are inlined at any depth.
   */
  private static void block(MemorySegment source, long from, MemorySegment target, long to) {
    MemorySegment a = source.asSlice(from, BLOCK);
    MemorySegment b = target.asSlice(to, BLOCK);
    ByteVector w = ByteVector.fromMemorySegment(BYTES, a, 0, ORDER);
    ByteVector x = ByteVector.fromMemorySegment(BYTES, a, VECTOR, ORDER);
    ByteVector y = ByteVector.fromMemorySegment(BYTES, a, 2L * VECTOR, ORDER);
    ByteVector z = ByteVector.fromMemorySegment(BYTES, a, 3L * VECTOR, ORDER);
    w.intoMemorySegment(b, 0, ORDER);
    x.intoMemorySegment(b, VECTOR, ORDER);
    y.intoMemorySegment(b, 2L * VECTOR, ORDER);
    z.intoMemorySegment(b, 3L * VECTOR, ORDER);
  }

  /**
   * Copies {@code count} rows of a multiple of 8 bytes that lie {@code stride} bytes apart to where
   * they follow one another.
   */
  static void rows(
      MemorySegment source,
      long from,
      long stride,
      MemorySegment target,
      long to,
      int count,
      int bytes) {
    if (stride == bytes) {
      MemorySegment.copy(source, from, target, to, (long) count * bytes);
      return;
    }
    for (int i = 0; i < count; i++) {
      row(source, from + i * stride, target, to + (long) i * bytes, bytes);
    }
  }

  /** Copies one row of a multiple of 8 bytes. */
  private static void row(
      MemorySegment source, long from, MemorySegment target, long to, int bytes) {
    int i = 0;
    for (; i + VECTOR <= bytes; i += VECTOR) {
      ByteVector.fromMemorySegment(BYTES, source, from + i, ORDER)
          .intoMemorySegment(target, to + i, ORDER);
    }
    for (; i < bytes; i += Long.BYTES) {
      target.set(LONG, to + i, source.get(LONG, from + i));
    }
  }
}
