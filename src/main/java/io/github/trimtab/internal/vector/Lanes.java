package io.github.trimtab.internal.vector;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** The species of one width, constants to the JIT. */
final class Lanes {
  /** Bits of a vector: 128, 256 or 512. */
  static final int BITS = Settings.bits();

  /** 32-bit lanes of a vector. */
  static final int COUNT = BITS / 32;

  static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));
  static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));

  /** For plain copies. */
  static final VectorSpecies<Byte> WIDEST_BYTES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(BITS));

  /** As many shorts as {@link #COUNT}. */
  static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(BITS / 2));

  /** As many bytes as {@link #COUNT}, but at least the 8 of the narrowest species. */
  static final VectorSpecies<Byte> CODES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(BITS / 4, 64)));

  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  private Lanes() {}

  /**
   * For loops that are compiled alone. What callers inline calls {@link FloatVector#fromArray}
   * itself: once a method has become large the JIT inlines the Vector API's calls alone, and a
   * vector that any other returns is an object.
   */
  static FloatVector load(float[] from, int index) {
    return FloatVector.fromArray(FLOATS, from, index);
  }

  static FloatVector broadcast(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }
}
