package io.github.trimtab.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/** Every code of each format, and rounding against arithmetic in binary64. */
class FloatFormatsTest {
  @Test
  void widensEveryBf16AndRoundsItBack() {
    for (int code = 0; code < 1 << 16; code++) {
      float value = FloatFormats.fromBf16((short) code);
      assertSame(value, ieee(code, 8, 7), code);
      if (!Float.isNaN(value)) {
        assertThat(FloatFormats.toBf16(value)).isEqualTo((short) code);
      }
    }
  }

  @Test
  void widensEveryF16AndRoundsItBack() {
    for (int code = 0; code < 1 << 16; code++) {
      float value = FloatFormats.fromF16((short) code);
      assertSame(value, ieee(code, 5, 10), code);
      if (!Float.isNaN(value)) {
        assertThat(FloatFormats.toF16(value)).isEqualTo((short) code);
      }
    }
  }

  /** The value of a code with IEEE 754's layout. */
  private static double ieee(int code, int exponentBits, int mantissaBits) {
    int bias = (1 << (exponentBits - 1)) - 1;
    int exponent = code >> mantissaBits & ((1 << exponentBits) - 1);
    int mantissa = code & ((1 << mantissaBits) - 1);
    double sign = (code & 0x8000) != 0 ? -1 : 1;
    if (exponent == (1 << exponentBits) - 1) {
      return mantissa == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
    }
    return exponent == 0
        ? sign * mantissa * Math.pow(2, 1 - bias - mantissaBits)
        : sign * ((1 << mantissaBits) + mantissa) * Math.pow(2, exponent - bias - mantissaBits);
  }

  private static void assertSame(float actual, double expected, int code) {
    assertThat(Float.floatToIntBits(actual))
        .as("code %04x", code)
        .isEqualTo(Float.floatToIntBits((float) expected));
  }

  @Test
  void widensEveryFp8AndRoundsItBack() {
    for (int code = 0; code < 256; code++) {
      int exponent = code >> 3 & 15;
      int mantissa = code & 7;
      double magnitude =
          exponent == 0 ? mantissa / 512.0 : (1 + mantissa / 8.0) * Math.pow(2, exponent - 7);
      boolean nan = (code & 0x7f) == 0x7f;
      float value = FloatFormats.fromFp8((byte) code);
      assertSame(value, nan ? Double.NaN : code < 128 ? magnitude : -magnitude, code);
      assertThat(FloatFormats.toFp8(value) & 0x7f).isEqualTo(code & 0x7f);
      if (!nan) {
        assertThat(FloatFormats.toFp8(value)).isEqualTo((byte) code);
      }
    }
    assertThat(FloatFormats.fromFp8((byte) 0x7e)).isEqualTo(FloatFormats.FP8_MAX);
  }

  @Test
  void roundsToNearestEven() {
    Random random = new Random(1);
    for (int i = 0; i < 300_000; i++) {
      float x = Float.intBitsToFloat(random.nextInt());
      if (Float.isFinite(x)) {
        assertSame(FloatFormats.fromBf16(FloatFormats.toBf16(x)), rounded(x, 7, -126, 128), i);
        float half = x * 0x1p-100f;
        float y = Math.abs(half) > 1e-12 ? half : Math.scalb((float) random.nextGaussian(), -14);
        assertSame(FloatFormats.fromF16(FloatFormats.toF16(y)), rounded(y, 10, -14, 16), i);
        float z = Math.scalb((float) random.nextGaussian(), random.nextInt(20) - 10);
        double nearest = Math.clamp(rounded(z, 3, -6, 9), -448.0, 448.0);
        assertSame(FloatFormats.fromFp8(FloatFormats.toFp8(z)), nearest, i);
      }
    }
  }

  @Test
  void roundsTiesToEven() {
    DoubleUnaryOperator fp8 = x -> FloatFormats.fromFp8(FloatFormats.toFp8((float) x));
    for (int code = 0; code < 0x7e; code++) {
      double low = FloatFormats.fromFp8((byte) code);
      double high = FloatFormats.fromFp8((byte) (code + 1));
      double even = code % 2 == 0 ? low : high;
      assertThat(fp8.applyAsDouble((low + high) / 2)).isEqualTo(even);
      assertThat(fp8.applyAsDouble(-(low + high) / 2)).isEqualTo(-even);
      assertThat(fp8.applyAsDouble(Math.nextUp((float) ((low + high) / 2)))).isEqualTo(high);
      assertThat(fp8.applyAsDouble(Math.nextDown((float) ((low + high) / 2)))).isEqualTo(low);
    }
  }

  /** Rounds to a mantissa of some bits, with gradual underflow, in binary64. */
  private static double rounded(float x, int mantissaBits, int minExponent, int overflowExponent) {
    int exponent = Math.max(Math.getExponent((double) x), minExponent);
    double step = Math.pow(2, exponent - mantissaBits);
    double y = Math.rint(x / step) * step;
    return Math.abs(y) >= Math.pow(2, overflowExponent)
        ? Math.copySign(Double.POSITIVE_INFINITY, x)
        : y;
  }

  @Test
  void nanStaysNanAndFp8Saturates() {
    int[] nans = {0x7f800001, 0xff800001, 0x7fc00000, 0x7fffffff, 0xffffffff, 0x7f80ffff};
    for (int bits : nans) {
      float nan = Float.intBitsToFloat(bits);
      assertThat(FloatFormats.fromBf16(FloatFormats.toBf16(nan))).isNaN();
      assertThat(FloatFormats.fromF16(FloatFormats.toF16(nan))).isNaN();
      assertThat(FloatFormats.fromFp8(FloatFormats.toFp8(nan))).isNaN();
    }
    for (float big : new float[] {448f, 464f, 1e30f, Float.MAX_VALUE, Float.POSITIVE_INFINITY}) {
      assertThat(FloatFormats.fromFp8(FloatFormats.toFp8(big))).isEqualTo(448f);
      assertThat(FloatFormats.fromFp8(FloatFormats.toFp8(-big))).isEqualTo(-448f);
    }
  }
}
