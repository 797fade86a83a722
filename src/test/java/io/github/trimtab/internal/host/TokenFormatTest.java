package io.github.trimtab.internal.host;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TokenFormatTest {
  private static float[] throughPages(DType dtype, float... x) {
    MemorySegment page = MemorySegment.ofArray(new byte[4 * x.length + 2]);
    TokenFormat.write(dtype, x, x.length, page, 0, 4L * x.length);
    float[] y = new float[x.length];
    TokenFormat.read(dtype, page, 0, 4L * x.length, y, x.length);
    return y;
  }

  @ParameterizedTest
  @EnumSource(names = {"FP8_E4M3", "INT8"})
  void zerosHaveScaleZeroAndReadAsZeros(DType dtype) {
    assertThat(TokenFormat.scaleBits(dtype, 0f)).isZero();
    assertThat(throughPages(dtype, 0f, -0f, 0f)).containsExactly(0f, 0f, 0f);
  }

  @ParameterizedTest
  @EnumSource(names = {"FP8_E4M3", "INT8"})
  void anyMagnitudeReadsBackFiniteAndClose(DType dtype) {
    Random random = new Random(3);
    for (int exponent = -149; exponent <= 127; exponent++) {
      float[] x = new float[8];
      for (int i = 0; i < x.length; i++) {
        x[i] = Math.scalb((float) random.nextGaussian(1.0, 0.3), exponent);
      }
      float max = 0;
      for (float element : x) {
        max = Math.max(max, Math.abs(element));
      }
      float[] y = throughPages(dtype, x);
      // Below 2^-120 the scale is a BF16 subnormal or 0; then only the bound by the maximum is
      // left.
      double relative =
          exponent < -115 ? 1 : dtype == DType.INT8 ? 0.6 / 127 : 1 / 16.0 + 1 / 256.0;
      for (int i = 0; i < x.length; i++) {
        float clipped = Math.clamp(x[i], -Float.MAX_VALUE, Float.MAX_VALUE);
        float bounded = Math.min(max, Float.MAX_VALUE);
        assertThat(y[i]).isFinite();
        assertThat(Math.abs((double) y[i] - clipped))
            .as("2^%d: %s read as %s", exponent, x[i], y[i])
            .isLessThanOrEqualTo(relative * bounded);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP8_E4M3", "INT8"})
  void infinitiesSaturateAndNanSpreadsOverItsToken(DType dtype) {
    float[] y = throughPages(dtype, Float.POSITIVE_INFINITY, 1f, Float.NEGATIVE_INFINITY);
    assertThat(y[0]).isFinite().isGreaterThan(3e38f);
    assertThat(y[1]).isZero();
    assertThat(y[2]).isEqualTo(-y[0]);
    for (float element : throughPages(dtype, 1f, Float.NaN, 2f)) {
      assertThat(element).isNaN();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FP8_E4M3", "INT8"})
  void theLargestElementUsesTheLargestCodes(DType dtype) {
    float top = TokenFormat.top(dtype);
    assertThat(throughPages(dtype, top, -top)).containsExactly(top, -top);
    float scale = FloatFormats.fromBf16(TokenFormat.scaleBits(dtype, top));
    assertThat(scale).isEqualTo(1f);
  }
}
