package io.github.trimtab.engine.math;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vectors of F32 and how they are read from off-heap memory. Indices count floats, not bytes.
 *
 * <p>As wide as the library's own: with two widths in one JVM the calls inside the Vector API have
 * two targets each, and sums land on the heap.
 */
final class Lanes {

  /** What the library's property says, or else the machine's width. */
  private static final int BITS =
      Integer.getInteger(
          "trimtab.vector.bits",
          Math.clamp(FloatVector.SPECIES_PREFERRED.vectorBitSize(), 128, 512));

  static final VectorSpecies<Float> SPECIES =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));

  static final int COUNT = SPECIES.length();

  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));

  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(BITS / 2));

  /** As many as {@link #COUNT}, but at least the 8 of the narrowest species. */
  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(BITS / 4, 64)));

  private static final IntVector BYTE_SHIFTS =
      IntVector.fromArray(IntVector.SPECIES_128, new int[] {24, 16, 8, 0}, 0);

  private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(SPECIES, 8, 1, true);
  private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(SPECIES, 4, 1, true);
  private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(SPECIES, 2, 1, true);
  private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(SPECIES, 1, 1, true);

  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  private Lanes() {}

  static FloatVector load(MemorySegment source, long index) {
    return FloatVector.fromMemorySegment(SPECIES, source, index * Float.BYTES, ORDER);
  }

  /** Signed bytes from a byte offset on, as floats. */
  static FloatVector int8(MemorySegment source, long offset) {
    if (COUNT == 4) {
      // No vector of 32 bits holds four bytes: shift each into the high end of its own lane.
      int word = source.get(ValueLayout.JAVA_INT_UNALIGNED, offset);
      return (FloatVector)
          IntVector.broadcast(IntVector.SPECIES_128, word)
              .lanewise(VectorOperators.LSHL, BYTE_SHIFTS)
              .lanewise(VectorOperators.ASHR, 24)
              .convertShape(VectorOperators.I2F, SPECIES, 0);
    }
    return (FloatVector)
        ByteVector.fromMemorySegment(BYTES, source, offset, ORDER)
            .convertShape(VectorOperators.B2F, SPECIES, 0);
  }

  /** BF16 from a byte offset on, widened exactly. */
  static FloatVector bf16(MemorySegment source, long offset) {
    return ShortVector.fromMemorySegment(SHORTS, source, offset, ORDER)
        .convertShape(VectorOperators.S2I, INTS, 0)
        .lanewise(VectorOperators.LSHL, 16)
        .reinterpretAsFloats();
  }

  static void store(FloatVector vector, MemorySegment target, long index) {
    vector.intoMemorySegment(target, index * Float.BYTES, ORDER);
  }

  static float get(MemorySegment source, long index) {
    return source.get(ValueLayout.JAVA_FLOAT, index * Float.BYTES);
  }

  static void set(MemorySegment target, long index, float value) {
    target.set(ValueLayout.JAVA_FLOAT, index * Float.BYTES, value);
  }

  static FloatVector broadcast(float value) {
    return FloatVector.broadcast(SPECIES, value);
  }

  /**
   * Sum of the lanes, halves folded onto each other. {@code reduceLanes} may add in another order
   * once it is compiled, and then a run differs from the next in its last bits.
   */
  static float sum(FloatVector vector) {
    FloatVector sum = COUNT > 8 ? vector.add(vector.rearrange(BY_8)) : vector;
    sum = COUNT > 4 ? sum.add(sum.rearrange(BY_4)) : sum;
    sum = sum.add(sum.rearrange(BY_2));
    return sum.add(sum.rearrange(BY_1)).lane(0);
  }

  /**
   * e to the power of each lane, within 1e-6 of it; lanes are clamped to [-87, 88], so nothing
   * overflows.
   */
  static FloatVector exp(FloatVector x) {
    FloatVector clamped = x.max(-87f).min(88f);
    // Adding 1.5 * 2^23 rounds to an integer n and leaves it in the low bits of the sum.
    FloatVector shifted = clamped.fma(broadcast(1.442695f), broadcast(12582912f));
    FloatVector n = shifted.sub(12582912f);
    // ln 2 in two parts, the first with few enough bits that n times it is exact.
    FloatVector r = n.fma(broadcast(-0x1.63p-1f), clamped);
    r = n.fma(broadcast(2.1219444e-4f), r);
    // e^r = 1 + r + r^2 p(r); p interpolates at Chebyshev's places for |r| up to ln 2 / 2.
    FloatVector p = broadcast(1.9890981e-4f);
    p = p.fma(r, broadcast(1.3933642e-3f));
    p = p.fma(r, broadcast(8.3333105e-3f));
    p = p.fma(r, broadcast(4.1666467e-2f));
    p = p.fma(r, broadcast(1.6666667e-1f));
    p = p.fma(r, broadcast(0.5f));
    p = p.fma(r.mul(r), r).add(1f);
    return p.reinterpretAsInts()
        .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
        .reinterpretAsFloats();
  }

  static MemorySegment allocate(Arena arena, long floats) {
    return arena.allocate(floats * Float.BYTES, 64);
  }
}
