package io.github.trimtab.internal.host;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * How pages hold one token of one head: its elements, and for FP8 and INT8 one BF16 scale. Groups
 * of weight rows are quantised the same way.
 *
 * <p>Quantisation, in binary32 throughout: {@code scale = bf16(min(max|x|, largest finite) / top)}
 * with top 448 for FP8, 127 for INT8 and 7 for INT4; {@code code = round(x / scale)} to nearest
 * even, saturating at the top. So infinities saturate. A token of zeros, or one too small for a
 * BF16 scale, has scale 0 and reads as zeros; a token with a NaN has scale NaN and reads as NaN
 * throughout. In both cases all codes are 0.
 */
public final class TokenFormat {
  /** Largest INT8 code. */
  public static final float INT8_MAX = 127f;

  /** Largest INT4 code. */
  public static final float INT4_MAX = 7f;

  /** The BF16 scale of a token that holds a NaN. */
  public static final short NAN_SCALE = 0x7fc0;

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private TokenFormat() {}

  /** Largest code of a quantised format. */
  public static float top(DType dtype) {
    return switch (dtype) {
      case FP8_E4M3 -> FloatFormats.FP8_MAX;
      case INT4 -> INT4_MAX;
      default -> INT8_MAX;
    };
  }

  /**
   * The bits of the BF16 scale.
   *
   * @param dtype FP8_E4M3, INT8 or INT4
   * @param maxMagnitude largest |x| of the token, NaN if it holds a NaN
   */
  public static short scaleBits(DType dtype, float maxMagnitude) {
    if (Float.isNaN(maxMagnitude)) {
      return NAN_SCALE;
    }
    // The largest float over any top rounds down to BF16, so top x scale never overflows.
    return FloatFormats.toBf16(Math.min(maxMagnitude, Float.MAX_VALUE) / top(dtype));
  }

  /** The code of x under a scale as {@link #scaleBits} gives it, widened. */
  public static byte code(DType dtype, float x, float scale) {
    if (!(scale > 0f)) {
      return 0;
    }
    float quotient = x / scale;
    return dtype == DType.FP8_E4M3
        ? FloatFormats.toFp8(quotient)
        : (byte) Math.rint(Math.clamp(quotient, -top(dtype), top(dtype)));
  }

  /** The number an FP8 or INT8 code stands for before scaling. */
  public static float value(DType dtype, byte code) {
    return dtype == DType.FP8_E4M3 ? FloatFormats.fromFp8(code) : code;
  }

  /**
   * Writes {@code x[0..n)} as one token.
   *
   * @param codes byte offset of its elements
   * @param scale byte offset of its scale, unused by formats without one
   */
  public static void write(
      DType dtype, float[] x, int n, MemorySegment segment, long codes, long scale) {
    if (dtype.isQuantized()) {
      float max = 0f;
      for (int i = 0; i < n; i++) {
        max = Math.max(max, Math.abs(x[i]));
      }
      short scaleBits = scaleBits(dtype, max);
      segment.set(SHORT, scale, scaleBits);
      float s = FloatFormats.fromBf16(scaleBits);
      for (int i = 0; i < n; i++) {
        segment.set(ValueLayout.JAVA_BYTE, codes + i, code(dtype, x[i], s));
      }
      return;
    }
    for (int i = 0; i < n; i++) {
      switch (dtype) {
        case F32 -> segment.set(FLOAT, codes + 4L * i, x[i]);
        case F16 -> segment.set(SHORT, codes + 2L * i, FloatFormats.toF16(x[i]));
        case BF16 -> segment.set(SHORT, codes + 2L * i, FloatFormats.toBf16(x[i]));
        default ->
            throw new IllegalArgumentException("dtype: " + dtype + ", expected a page format");
      }
    }
  }

  /**
   * Reads one token into {@code x[0..n)}, widened exactly.
   *
   * @param codes byte offset of its elements
   * @param scale byte offset of its scale, unused by formats without one
   */
  public static void read(
      DType dtype, MemorySegment segment, long codes, long scale, float[] x, int n) {
    float s = dtype.isQuantized() ? FloatFormats.fromBf16(segment.get(SHORT, scale)) : 1f;
    for (int i = 0; i < n; i++) {
      x[i] =
          switch (dtype) {
            case F32 -> segment.get(FLOAT, codes + 4L * i);
            case F16 -> FloatFormats.fromF16(segment.get(SHORT, codes + 2L * i));
            case BF16 -> FloatFormats.fromBf16(segment.get(SHORT, codes + 2L * i));
            default -> value(dtype, segment.get(ValueLayout.JAVA_BYTE, codes + i)) * s;
          };
    }
  }
}
