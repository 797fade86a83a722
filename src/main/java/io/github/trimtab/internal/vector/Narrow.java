package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2B;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.OR;

import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Rounding of binary32 to every narrower format, {@link Lanes#COUNT} elements a store, with the
 * bits of {@link FloatFormats} and {@link TokenFormat}.
 */
final class Narrow {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private static final int INFINITY = bits(Float.POSITIVE_INFINITY);

  /** 1.5 x 2^23: adding it rounds to an integer in the low bits, ties to even. */
  private static final float ROUND = 0x1.8p23f;

  private Narrow() {}

  /** Rounds {@code x[0..n)} to BF16; NaN stays NaN. */
  static void bf16(float[] x, int n, MemorySegment to, long offset) {
    int whole = Lanes.FLOATS.loopBound(n);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      IntVector bits = Lanes.load(x, i).reinterpretAsInts();
      IntVector upper = bits.lanewise(LSHR, 16);
      IntVector rounded = bits.add(upper.lanewise(AND, 1)).add(0x7fff).lanewise(LSHR, 16);
      var nan = bits.lanewise(AND, Integer.MAX_VALUE).compare(GT, INFINITY);
      shorts(rounded.blend(upper.lanewise(OR, 0x40), nan), to, offset + 2L * i);
    }
    for (int i = whole; i < n; i++) {
      to.set(SHORT, offset + 2L * i, FloatFormats.toBf16(x[i]));
    }
  }

  /** Rounds {@code x[0..n)} to F16; NaN stays NaN. */
  static void f16(float[] x, int n, MemorySegment to, long offset) {
    int whole = Lanes.FLOATS.loopBound(n);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      IntVector bits = Lanes.load(x, i).reinterpretAsInts();
      IntVector magnitude = bits.lanewise(AND, Integer.MAX_VALUE);
      // 2^16 has the code of infinity.
      IntVector code = round(magnitude.min(bits(0x1p16f)), 13, 127 - 15);
      code = code.blend(0x7e00, magnitude.compare(GT, INFINITY));
      shorts(code.lanewise(OR, bits.lanewise(LSHR, 16).lanewise(AND, 0x8000)), to, offset + 2L * i);
    }
    for (int i = whole; i < n; i++) {
      to.set(SHORT, offset + 2L * i, FloatFormats.toF16(x[i]));
    }
  }

  /** {@link TokenFormat#scaleBits} of {@code n} elements from {@code index}. */
  static short scaleBits(DType dtype, float[] x, int index, int n) {
    // Magnitudes are ordered as their bits are, NaN last.
    IntVector most = IntVector.zero(Lanes.INTS);
    int whole = Lanes.FLOATS.loopBound(n);
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      IntVector bits = Lanes.load(x, index + i).reinterpretAsInts();
      most = most.max(bits.lanewise(AND, Integer.MAX_VALUE));
    }
    int largest = most.reduceLanes(MAX);
    for (int i = whole; i < n; i++) {
      largest = Math.max(largest, bits(Math.abs(x[index + i])));
    }
    return TokenFormat.scaleBits(dtype, Float.intBitsToFloat(largest));
  }

  /** Rounds {@code n} elements from {@code index} to FP8 or INT8 under their scale. */
  static void codes(
      DType dtype, float[] x, int index, int n, float scale, MemorySegment to, long offset) {
    int whole = scale > 0f ? Lanes.FLOATS.loopBound(n) : 0;
    if (dtype == DType.FP8_E4M3) {
      fp8(x, index, whole, scale, to, offset);
    } else {
      int8(x, index, whole, scale, to, offset);
    }
    for (int i = whole; i < n; i++) {
      to.set(ValueLayout.JAVA_BYTE, offset + i, TokenFormat.code(dtype, x[index + i], scale));
    }
  }

  /** None of the elements is NaN, whose scale would be NaN. */
  private static void fp8(float[] x, int index, int n, float scale, MemorySegment to, long offset) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      IntVector bits = Lanes.load(x, index + i).div(scale).reinterpretAsInts();
      IntVector magnitude = bits.lanewise(AND, Integer.MAX_VALUE);
      IntVector code = round(magnitude.min(bits(FloatFormats.FP8_MAX)), 20, 127 - 7);
      bytes(code.lanewise(OR, bits.lanewise(LSHR, 24).lanewise(AND, 0x80)), to, offset + i);
    }
  }

  private static void int8(
      float[] x, int index, int n, float scale, MemorySegment to, long offset) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      FloatVector code = integers(Lanes.load(x, index + i), scale, TokenFormat.INT8_MAX);
      bytes(code.reinterpretAsInts(), to, offset + i);
    }
  }

  /** Replaces {@code n} elements from {@code index} by floats whose last bits are INT4 codes. */
  static void int4(float[] x, int index, int n, float scale) {
    int whole = scale > 0f ? Lanes.FLOATS.loopBound(n) : 0;
    for (int i = 0; i < whole; i += Lanes.COUNT) {
      integers(Lanes.load(x, index + i), scale, TokenFormat.INT4_MAX).intoArray(x, index + i);
    }
    for (int i = index + whole; i < index + n; i++) {
      x[i] = Float.intBitsToFloat(TokenFormat.code(DType.INT4, x[i], scale) & 15);
    }
  }

  /** The integers nearest to quotients, in the last bits. */
  private static FloatVector integers(FloatVector x, float scale, float top) {
    return x.div(scale).max(-top).min(top).add(ROUND);
  }

  /**
   * Codes of magnitudes in a format whose mantissa is {@code dropped} bits shorter and whose
   * exponents are smaller by {@code bias}. Its subnormal numbers are multiples of one step: a float
   * whose last bit is worth that step is added, and leaves their steps in the last bits.
   */
  private static IntVector round(IntVector magnitude, int dropped, int bias) {
    IntVector odd = magnitude.lanewise(LSHR, dropped).lanewise(AND, 1);
    IntVector rounded = magnitude.add(odd).add((1 << (dropped - 1)) - 1);
    IntVector normal = rounded.lanewise(LSHR, dropped).sub(bias << (23 - dropped));
    int leastNormal = (bias + 1) << 23;
    int step = leastNormal + (dropped << 23);
    FloatVector sum = magnitude.reinterpretAsFloats().add(Float.intBitsToFloat(step));
    return normal.blend(sum.reinterpretAsInts().sub(step), magnitude.compare(LT, leastNormal));
  }

  private static void shorts(IntVector codes, MemorySegment to, long offset) {
    ((ShortVector) codes.convertShape(I2S, Lanes.SHORTS, 0))
        .intoMemorySegment(to, offset, Lanes.ORDER);
  }

  /** Writes the lowest bytes. */
  private static void bytes(IntVector codes, MemorySegment to, long offset) {
    if (Lanes.COUNT == 4) {
      int packed = codes.lanewise(AND, 0xff).lanewise(LSHL, Widen.BYTE_SHIFTS).reduceLanes(OR);
      to.set(ValueLayout.JAVA_INT_UNALIGNED, offset, packed);
    } else {
      ((ByteVector) codes.convertShape(I2B, Lanes.CODES, 0))
          .intoMemorySegment(to, offset, Lanes.ORDER);
    }
  }

  private static int bits(float value) {
    return Float.floatToRawIntBits(value);
  }
}
