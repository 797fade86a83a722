package io.github.trimtab.kernel;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vector backend rounds as the oracle does what is hard to round. */
@Tag("parity")
class RoundingParityTest {
  private static final int TOKENS = 3000;

  /** Whole vectors at every width, and a rest. */
  private static final int HEAD_DIM = 40;

  private final Random random = new Random(5);

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16", "FP8_E4M3", "INT8"})
  void append(DType dtype) {
    Operands operands = new Operands(random, false, Operands.Values.NORMAL);
    Tensor k = operands.result(DType.F32, 1, 1, TOKENS, HEAD_DIM);
    for (int t = 0; t < TOKENS; t++) {
      // Where the largest element is the top code, the scale is a power of two and ties are exact.
      float scale = dtype.isQuantized() ? Math.scalb(1f, random.nextInt(-100, 100)) : 1f;
      for (int d = 0; d < HEAD_DIM; d++) {
        float x = d == 0 && dtype.isQuantized() ? top(dtype) : hard(dtype);
        k.setFloatAt(k.offset(0, 0, t, d), x * scale);
      }
      if (random.nextInt(20) == 0) {
        float any = Float.intBitsToFloat(random.nextInt());
        k.setFloatAt(k.offset(0, 0, t, random.nextInt(HEAD_DIM)), any);
      }
    }
    var layout = new PageLayout(dtype, 16, 1, HEAD_DIM);
    Append expected = new Append(new NewTokens(k, k), operands.empty(layout, 1, 1, TOKENS));
    Append actual = Copies.of(expected);
    Backends.named("scalar").kernels().append(expected);
    Backends.named("vector").kernels().append(actual);
    Bits.assertSamePages(actual.target(), expected.target(), true, dtype.toString());
  }

  private static float top(DType dtype) {
    return dtype == DType.FP8_E4M3 ? FloatFormats.FP8_MAX : 127f;
  }

  /** A number of the format, the middle between two of them, or a float next to one of those. */
  private float hard(DType dtype) {
    int code =
        switch (dtype) {
          case F16 -> random.nextInt(0x7c00);
          case BF16 -> random.nextInt(0x7f7f);
          case FP8_E4M3 -> random.nextInt(0x7e);
          default -> random.nextInt(127);
        };
    double x = number(dtype, code);
    if (random.nextBoolean()) {
      x = (x + number(dtype, code + 1)) / 2;
    }
    float near =
        switch (random.nextInt(3)) {
          case 0 -> Math.nextUp((float) x);
          case 1 -> Math.nextDown((float) x);
          default -> (float) x;
        };
    return random.nextBoolean() ? near : -near;
  }

  private static float number(DType dtype, int code) {
    return switch (dtype) {
      // Half way to 2^16 is the least number that becomes infinite.
      case F16 -> code == 0x7c00 ? 0x1p16f : FloatFormats.fromF16((short) code);
      case BF16 -> FloatFormats.fromBf16((short) code);
      case FP8_E4M3 -> FloatFormats.fromFp8((byte) code);
      default -> code;
    };
  }
}
