package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Products of three rows with four or eight vectors in registers: one vector of the 32 lanes of
 * each canonical dot product, over all elements of these lanes.
 *
 * <p>The loops take the byte offsets of the rows' first elements of these lanes, and that of the
 * vectors', which lie as {@link HeadPanel} arranges them. They leave the sums of vector v and row r
 * at {@code to + v * stride + r * LANES}.
 */
final class HeadTile {
  private static final int LANES = Lanes.COUNT;

  /** Rows of a tile. */
  static final int ROWS = 3;

  /**
   * Vectors of a tile: with three rows 12 accumulators, which with their operands fill 16
   * registers.
   */
  static final int VECTORS = 4;

  /** Vectors that lie side by side. Machines of 512 bits have registers for all eight at once. */
  static final int BLOCK = LANES == 16 ? 2 * VECTORS : VECTORS;

  static final long LANE_BYTES = (long) LANES * Float.BYTES;

  private static final long BLOCK_BYTES = BLOCK * LANE_BYTES;

  private HeadTile() {}

  /** BF16 rows from bytes w0, w1 and w2 and four vectors. */
  static void bf16(
      MemorySegment from,
      long w0,
      long w1,
      long w2,
      MemorySegment vectors,
      long q,
      int units,
      float[] partial,
      int to,
      int stride) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a00 = zero;
    FloatVector a01 = zero;
    FloatVector a02 = zero;
    FloatVector a10 = zero;
    FloatVector a11 = zero;
    FloatVector a12 = zero;
    FloatVector a20 = zero;
    FloatVector a21 = zero;
    FloatVector a22 = zero;
    FloatVector a30 = zero;
    FloatVector a31 = zero;
    FloatVector a32 = zero;
    for (int unit = 0; unit < units; unit++) {
      FloatVector r0 = Widen.bf16(from, w0);
      FloatVector r1 = Widen.bf16(from, w1);
      FloatVector r2 = Widen.bf16(from, w2);
      MemorySegment block = vectors.asSlice(q, VECTORS * LANE_BYTES);
      FloatVector v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 0, Lanes.ORDER);
      a00 = r0.fma(v, a00);
      a01 = r1.fma(v, a01);
      a02 = r2.fma(v, a02);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, LANE_BYTES, Lanes.ORDER);
      a10 = r0.fma(v, a10);
      a11 = r1.fma(v, a11);
      a12 = r2.fma(v, a12);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 2 * LANE_BYTES, Lanes.ORDER);
      a20 = r0.fma(v, a20);
      a21 = r1.fma(v, a21);
      a22 = r2.fma(v, a22);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 3 * LANE_BYTES, Lanes.ORDER);
      a30 = r0.fma(v, a30);
      a31 = r1.fma(v, a31);
      a32 = r2.fma(v, a32);
      w0 += 2L * CanonicalMath.LANES;
      w1 += 2L * CanonicalMath.LANES;
      w2 += 2L * CanonicalMath.LANES;
      q += BLOCK_BYTES;
    }
    store(a00, a01, a02, partial, to);
    store(a10, a11, a12, partial, to + stride);
    store(a20, a21, a22, partial, to + 2 * stride);
    store(a30, a31, a32, partial, to + 3 * stride);
  }

  /** F32 rows and four vectors. */
  static void f32(
      MemorySegment from,
      long w0,
      long w1,
      long w2,
      MemorySegment vectors,
      long q,
      int units,
      float[] partial,
      int to,
      int stride) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a00 = zero;
    FloatVector a01 = zero;
    FloatVector a02 = zero;
    FloatVector a10 = zero;
    FloatVector a11 = zero;
    FloatVector a12 = zero;
    FloatVector a20 = zero;
    FloatVector a21 = zero;
    FloatVector a22 = zero;
    FloatVector a30 = zero;
    FloatVector a31 = zero;
    FloatVector a32 = zero;
    for (int unit = 0; unit < units; unit++) {
      FloatVector r0 = Widen.f32(from, w0);
      FloatVector r1 = Widen.f32(from, w1);
      FloatVector r2 = Widen.f32(from, w2);
      MemorySegment block = vectors.asSlice(q, VECTORS * LANE_BYTES);
      FloatVector v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 0, Lanes.ORDER);
      a00 = r0.fma(v, a00);
      a01 = r1.fma(v, a01);
      a02 = r2.fma(v, a02);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, LANE_BYTES, Lanes.ORDER);
      a10 = r0.fma(v, a10);
      a11 = r1.fma(v, a11);
      a12 = r2.fma(v, a12);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 2 * LANE_BYTES, Lanes.ORDER);
      a20 = r0.fma(v, a20);
      a21 = r1.fma(v, a21);
      a22 = r2.fma(v, a22);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 3 * LANE_BYTES, Lanes.ORDER);
      a30 = r0.fma(v, a30);
      a31 = r1.fma(v, a31);
      a32 = r2.fma(v, a32);
      w0 += 4L * CanonicalMath.LANES;
      w1 += 4L * CanonicalMath.LANES;
      w2 += 4L * CanonicalMath.LANES;
      q += BLOCK_BYTES;
    }
    store(a00, a01, a02, partial, to);
    store(a10, a11, a12, partial, to + stride);
    store(a20, a21, a22, partial, to + 2 * stride);
    store(a30, a31, a32, partial, to + 3 * stride);
  }

  /**
   * As {@link #bf16} for eight vectors. It calls the Vector API itself, which the JIT inlines past
   * the size at which it leaves other methods out.
   */
  static void wideBf16(
      MemorySegment from,
      long w0,
      long w1,
      long w2,
      MemorySegment vectors,
      long q,
      int units,
      float[] partial,
      int to,
      int stride) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a00 = zero;
    FloatVector a01 = zero;
    FloatVector a02 = zero;
    FloatVector a10 = zero;
    FloatVector a11 = zero;
    FloatVector a12 = zero;
    FloatVector a20 = zero;
    FloatVector a21 = zero;
    FloatVector a22 = zero;
    FloatVector a30 = zero;
    FloatVector a31 = zero;
    FloatVector a32 = zero;
    FloatVector a40 = zero;
    FloatVector a41 = zero;
    FloatVector a42 = zero;
    FloatVector a50 = zero;
    FloatVector a51 = zero;
    FloatVector a52 = zero;
    FloatVector a60 = zero;
    FloatVector a61 = zero;
    FloatVector a62 = zero;
    FloatVector a70 = zero;
    FloatVector a71 = zero;
    FloatVector a72 = zero;
    for (int unit = 0; unit < units; unit++) {
      FloatVector r0 = Widen.bf16(from, w0);
      FloatVector r1 = Widen.bf16(from, w1);
      FloatVector r2 = Widen.bf16(from, w2);
      MemorySegment block = vectors.asSlice(q, BLOCK_BYTES);
      FloatVector v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 0, Lanes.ORDER);
      a00 = r0.fma(v, a00);
      a01 = r1.fma(v, a01);
      a02 = r2.fma(v, a02);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, LANE_BYTES, Lanes.ORDER);
      a10 = r0.fma(v, a10);
      a11 = r1.fma(v, a11);
      a12 = r2.fma(v, a12);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 2 * LANE_BYTES, Lanes.ORDER);
      a20 = r0.fma(v, a20);
      a21 = r1.fma(v, a21);
      a22 = r2.fma(v, a22);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 3 * LANE_BYTES, Lanes.ORDER);
      a30 = r0.fma(v, a30);
      a31 = r1.fma(v, a31);
      a32 = r2.fma(v, a32);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 4 * LANE_BYTES, Lanes.ORDER);
      a40 = r0.fma(v, a40);
      a41 = r1.fma(v, a41);
      a42 = r2.fma(v, a42);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 5 * LANE_BYTES, Lanes.ORDER);
      a50 = r0.fma(v, a50);
      a51 = r1.fma(v, a51);
      a52 = r2.fma(v, a52);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 6 * LANE_BYTES, Lanes.ORDER);
      a60 = r0.fma(v, a60);
      a61 = r1.fma(v, a61);
      a62 = r2.fma(v, a62);
      v = FloatVector.fromMemorySegment(Lanes.FLOATS, block, 7 * LANE_BYTES, Lanes.ORDER);
      a70 = r0.fma(v, a70);
      a71 = r1.fma(v, a71);
      a72 = r2.fma(v, a72);
      w0 += 2L * CanonicalMath.LANES;
      w1 += 2L * CanonicalMath.LANES;
      w2 += 2L * CanonicalMath.LANES;
      q += BLOCK_BYTES;
    }
    a00.intoArray(partial, to);
    a01.intoArray(partial, to + LANES);
    a02.intoArray(partial, to + 2 * LANES);
    a10.intoArray(partial, to + stride);
    a11.intoArray(partial, to + stride + LANES);
    a12.intoArray(partial, to + stride + 2 * LANES);
    a20.intoArray(partial, to + 2 * stride);
    a21.intoArray(partial, to + 2 * stride + LANES);
    a22.intoArray(partial, to + 2 * stride + 2 * LANES);
    a30.intoArray(partial, to + 3 * stride);
    a31.intoArray(partial, to + 3 * stride + LANES);
    a32.intoArray(partial, to + 3 * stride + 2 * LANES);
    a40.intoArray(partial, to + 4 * stride);
    a41.intoArray(partial, to + 4 * stride + LANES);
    a42.intoArray(partial, to + 4 * stride + 2 * LANES);
    a50.intoArray(partial, to + 5 * stride);
    a51.intoArray(partial, to + 5 * stride + LANES);
    a52.intoArray(partial, to + 5 * stride + 2 * LANES);
    a60.intoArray(partial, to + 6 * stride);
    a61.intoArray(partial, to + 6 * stride + LANES);
    a62.intoArray(partial, to + 6 * stride + 2 * LANES);
    a70.intoArray(partial, to + 7 * stride);
    a71.intoArray(partial, to + 7 * stride + LANES);
    a72.intoArray(partial, to + 7 * stride + 2 * LANES);
  }

  private static void store(
      FloatVector r0, FloatVector r1, FloatVector r2, float[] partial, int to) {
    r0.intoArray(partial, to);
    r1.intoArray(partial, to + LANES);
    r2.intoArray(partial, to + 2 * LANES);
  }
}
