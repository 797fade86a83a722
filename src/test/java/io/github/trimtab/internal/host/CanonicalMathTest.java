package io.github.trimtab.internal.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CanonicalMathTest {
  @Test
  void expIsWithinItsStatedErrorOverTheWholeRange() {
    double worst = 0;
    for (int sign = 0; sign < 2; sign++) {
      float end =
          sign == 0 ? Math.nextDown(CanonicalMath.EXP_OVERFLOW) : CanonicalMath.EXP_UNDERFLOW;
      int last = Float.floatToRawIntBits(end);
      // Every 97th float of the range, zeros and both ends included.
      for (int bits = sign << 31; bits <= last; bits += 97) {
        worst = Math.max(worst, ulps(Float.intBitsToFloat(bits)));
      }
      worst = Math.max(worst, ulps(end));
    }
    assertThat(worst).isBetween(0.5, 1.02);
  }

  private static double ulps(float x) {
    double exact = Math.exp(x);
    return Math.abs(CanonicalMath.exp(x) - exact) / Math.ulp((float) exact);
  }

  @Test
  void expBeyondItsRange() {
    assertThat(CanonicalMath.exp(Float.NaN)).isNaN();
    assertThat(CanonicalMath.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(CanonicalMath.exp(CanonicalMath.EXP_OVERFLOW)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(CanonicalMath.exp(Math.nextDown(CanonicalMath.EXP_OVERFLOW))).isFinite();
    assertThat(CanonicalMath.exp(CanonicalMath.EXP_UNDERFLOW)).isGreaterThan(Float.MIN_NORMAL);
    assertThat(CanonicalMath.exp(Math.nextDown(CanonicalMath.EXP_UNDERFLOW))).isZero();
    assertThat(CanonicalMath.exp(Float.NEGATIVE_INFINITY)).isZero();
    assertThat(CanonicalMath.exp(0f)).isEqualTo(1f);
    assertThat(CanonicalMath.exp(-0f)).isEqualTo(1f);
  }

  @Test
  void logIsWithinItsStatedErrorOverTheWholeRange() {
    double worst = 0;
    int infinity = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);
    for (int bits = 1; bits < infinity && bits > 0; bits += 997) {
      worst = Math.max(worst, logUlps(Float.intBitsToFloat(bits)));
    }
    int one = Float.floatToRawIntBits(1f);
    for (int bits = one - 300_000; bits < one + 300_000; bits += 7) {
      worst = Math.max(worst, logUlps(Float.intBitsToFloat(bits)));
    }
    assertThat(worst).isBetween(0.5, 0.8);
    assertThat(CanonicalMath.log(1f)).isZero();
    assertThat(CanonicalMath.log(0f)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(CanonicalMath.log(-0f)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(CanonicalMath.log(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(CanonicalMath.log(Float.NaN)).isNaN();
    assertThat(CanonicalMath.log(-Float.MIN_VALUE)).isNaN();
  }

  private static double logUlps(float x) {
    double exact = Math.log(x);
    return exact == 0 ? 0 : Math.abs(CanonicalMath.log(x) - exact) / Math.ulp((float) exact);
  }

  @Test
  void logSumExpOfChunks() {
    float inf = Float.POSITIVE_INFINITY;
    float[] parts = {9f, 9f, -inf, 0f, 2f, 3f, 5f, 1.5f, -inf, 0f};
    double expected = 5 + Math.log(3 * Math.exp(-3) + 1.5);
    assertThat((double) CanonicalMath.logSumExp(parts, 2, 4)).isCloseTo(expected, within(1e-6));
    assertThat(CanonicalMath.logSumExp(parts, 2, 1)).isEqualTo(-inf);
    assertThat(CanonicalMath.logSumExp(parts, 2, 0)).isEqualTo(-inf);
    assertThat(CanonicalMath.logSumExp(new float[] {1f, 1f, Float.NaN, Float.NaN}, 0, 2)).isNaN();
    assertThat(CanonicalMath.logSumExp(new float[] {inf, Float.NaN, 0f, 1f}, 0, 2)).isNaN();
  }

  @Test
  void ranksAreOfTheirScores() {
    for (float score :
        new float[] {1f, -1f, 0f, 3e38f, -Float.MIN_VALUE, Float.NEGATIVE_INFINITY}) {
      assertThat(CanonicalMath.ofRank(CanonicalMath.rank(score))).isEqualTo(score);
    }
    assertThat(Float.floatToRawIntBits(CanonicalMath.ofRank(CanonicalMath.rank(-0f)))).isZero();
    assertThat(CanonicalMath.ofRank(CanonicalMath.rank(Float.NaN))).isNaN();
  }

  /**
   * 32 lanes by fused multiply-add, then a tree; the additions exact and then rounded once each.
   */
  @Test
  void dotFollowsTheContractedOrder() {
    Random random = new Random(5);
    for (int n : new int[] {0, 1, 8, 31, 32, 33, 40, 256}) {
      float[] a = new float[n];
      float[] b = new float[n];
      float[] lane = new float[32];
      for (int i = 0; i < n; i++) {
        a[i] = (float) random.nextGaussian();
        b[i] = (float) random.nextGaussian();
        lane[i % 32] =
            new BigDecimal(a[i])
                .multiply(new BigDecimal(b[i]))
                .add(new BigDecimal(lane[i % 32]), MathContext.UNLIMITED)
                .floatValue();
      }
      float dot = CanonicalMath.dot(a, b, n, new float[32]);
      assertThat(dot).as("n = %d", n).isEqualTo(node(lane, 0, 1));
    }
  }

  /** The tree from its root: lanes that agree modulo a distance meet before those that do not. */
  private static float node(float[] lane, int j, int distance) {
    return distance == 32
        ? lane[j]
        : node(lane, j, distance * 2) + node(lane, j + distance, distance * 2);
  }

  @Test
  void sumAddsChunksOf256InRisingOrder() {
    Random random = new Random(6);
    for (int n : new int[] {0, 1, 255, 256, 257, 512, 1000}) {
      float[] x = new float[n];
      for (int i = 0; i < n; i++) {
        x[i] = random.nextFloat();
      }
      float total = 0;
      for (int start = 0; start < n; start += 256) {
        float[] lane = new float[32];
        for (int i = start; i < Math.min(start + 256, n); i++) {
          lane[i % 32] += x[i];
        }
        total += node(lane, 0, 1);
      }
      assertThat(CanonicalMath.sum(x, n, new float[32])).as("n = %d", n).isEqualTo(total);
    }
  }

  @Test
  void orderDecidesBits() {
    // One element of 2^24 swallows ones that are added to it singly, but not the tree's pairs.
    float[] x = new float[64];
    Arrays.fill(x, 1f);
    x[0] = 0x1p24f;
    float naive = 0;
    for (float element : x) {
      naive += element;
    }
    assertThat(CanonicalMath.sum(x, 64, new float[32])).isNotEqualTo(naive);
  }

  @Test
  void maxNumberPassesNanOver() {
    float nan = Float.NaN;
    float low = Float.NEGATIVE_INFINITY;
    assertThat(CanonicalMath.maxNumber(nan, low)).isEqualTo(low);
    assertThat(CanonicalMath.maxNumber(low, nan)).isEqualTo(low);
    assertThat(CanonicalMath.maxNumber(nan, nan)).isNaN();
    assertThat(1 / CanonicalMath.maxNumber(-0f, 0f)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(1 / CanonicalMath.maxNumber(0f, -0f)).isEqualTo(Float.POSITIVE_INFINITY);
  }

  @Test
  void rankOrdersScores() {
    float[] rising = {
      Float.NaN,
      Float.NEGATIVE_INFINITY,
      -Float.MAX_VALUE,
      -1f,
      -Float.MIN_VALUE,
      0f,
      Float.MIN_VALUE,
      1f,
      Float.MAX_VALUE,
      Float.POSITIVE_INFINITY
    };
    for (int i = 1; i < rising.length; i++) {
      assertThat(CanonicalMath.rank(rising[i])).isGreaterThan(CanonicalMath.rank(rising[i - 1]));
    }
    assertThat(CanonicalMath.rank(-0f)).isEqualTo(CanonicalMath.rank(0f));
    float negativeNan = Float.intBitsToFloat(0xffc00123);
    assertThat(CanonicalMath.rank(negativeNan)).isEqualTo(CanonicalMath.rank(Float.NaN));
  }
}
