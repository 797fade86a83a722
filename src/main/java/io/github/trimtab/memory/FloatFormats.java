package io.github.trimtab.memory;

/**
 * Conversions between binary32 and the narrower formats. Widening is exact; narrowing rounds to
 * nearest even.
 *
 * <p>Sources: bfloat16 as the upper half of IEEE 754 binary32; FP8 E4M3 as in the OCP 8-bit
 * floating point specification 1.0 (S.1111.111 is NaN, no infinities, largest finite value 448).
 */
public final class FloatFormats {
  /** Largest finite FP8 E4M3 value. */
  public static final float FP8_MAX = 448f;

  private static final float[] FP8_VALUES = new float[256];

  static {
    for (int code = 0; code < 256; code++) {
      int exponent = (code >> 3) & 15;
      int mantissa = code & 7;
      float magnitude =
          exponent == 0 ? mantissa * 0x1p-9f : (8 + mantissa) * Math.scalb(1f, exponent - 10);
      if (exponent == 15 && mantissa == 7) {
        magnitude = Float.NaN;
      }
      FP8_VALUES[code] = code < 128 ? magnitude : -magnitude;
    }
  }

  private FloatFormats() {}

  /** Widens the bits of a bfloat16. */
  public static float fromBf16(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Rounds to bfloat16; NaN stays NaN. */
  public static short toBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  /** Widens the bits of a binary16. */
  public static float fromF16(short bits) {
    return Float.float16ToFloat(bits);
  }

  /** Rounds to binary16. */
  public static short toF16(float value) {
    return Float.floatToFloat16(value);
  }

  /** Widens an FP8 E4M3 code. */
  public static float fromFp8(byte code) {
    return FP8_VALUES[code & 0xff];
  }

  /** Rounds to FP8 E4M3, saturating at &plusmn;{@link #FP8_MAX}; NaN stays NaN. */
  public static byte toFp8(float value) {
    int sign = (Float.floatToRawIntBits(value) >>> 24) & 0x80;
    float magnitude = Math.abs(value);
    if (Float.isNaN(value)) {
      return (byte) (sign | 0x7f);
    }
    if (magnitude >= FP8_MAX) {
      return (byte) (sign | 0x7e);
    }
    // Codes are ordered by magnitude, and their spacing is 2^(exponent - 3), at least the subnormal
    // step 2^-9.
    int exponent = Math.max(Math.getExponent(magnitude), -6);
    int steps = (int) Math.rint(Math.scalb((double) magnitude, 3 - exponent));
    return (byte) (sign | (((exponent + 6) << 3) + steps));
  }
}
