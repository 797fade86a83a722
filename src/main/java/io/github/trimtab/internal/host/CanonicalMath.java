package io.github.trimtab.internal.host;

/**
 * Floating-point operations whose order is part of the contract: every backend returns these bits.
 *
 * <p>NaN and infinities propagate as IEEE 754 says; the payload of a NaN is no part of the
 * contract.
 */
public final class CanonicalMath {
  /** Lanes of a dot product and of a chunk's sum. */
  public static final int LANES = 32;

  /** Elements of a chunk of a sum over a long axis. */
  public static final int CHUNK = 256;

  /** Arguments from here on give +infinity. */
  public static final float EXP_OVERFLOW = 88.37626f;

  /** Arguments below give +0. */
  public static final float EXP_UNDERFLOW = -86.98f;

  /** log2(e). */
  public static final float EXP_LOG2E = 1.442695f;

  /** 1.5 x 2^23: adding it rounds a float to an integer, ties to even. */
  public static final float EXP_ROUND = 0x1.8p23f;

  /** -ln(2), the part whose product with a small integer is exact. */
  public static final float EXP_LN2_HIGH = -0x1.63p-1f;

  /** -ln(2), the rest. */
  public static final float EXP_LN2_LOW = 2.1219444E-4f;

  // Coefficients of (exp(r) - 1 - r) / r^2, highest power first (Cephes, expf).
  public static final float EXP_P0 = 1.9875691E-4f;

  public static final float EXP_P1 = 1.3981999E-3f;
  public static final float EXP_P2 = 8.333452E-3f;
  public static final float EXP_P3 = 4.1665796E-2f;
  public static final float EXP_P4 = 0.16666666f;
  public static final float EXP_P5 = 0.5f;

  /** ln(2), the part whose product with a small integer is exact. */
  public static final float LOG_LN2_HIGH = 0x1.63p-1f;

  /** ln(2), the rest. */
  public static final float LOG_LN2_LOW = -2.1219444E-4f;

  /** Mantissas below it are doubled, so that what is left of 1 is small: sqrt(1/2). */
  public static final float LOG_SQRT_HALF = 0.70710677f;

  /** Coefficients of (log(1 + f) - f + f^2/2) / f^3, highest power first (Cephes, logf). */
  private static final float[] LOG_P = {
    0.070376836f,
    -0.1151461f,
    0.116769984f,
    -0.12420141f,
    0.14249323f,
    -0.16668057f,
    0.20000714f,
    -0.24999994f,
    0.3333333f
  };

  private CanonicalMath() {}

  /**
   * e to the power x, within 1.02 ulp: x = n ln 2 + r, a polynomial in r, and n added to the
   * exponent.
   */
  public static float exp(float x) {
    if (Float.isNaN(x)) {
      return Float.NaN;
    }
    if (x >= EXP_OVERFLOW) {
      return Float.POSITIVE_INFINITY;
    }
    if (x < EXP_UNDERFLOW) {
      return 0f;
    }
    float t = Math.fma(x, EXP_LOG2E, EXP_ROUND);
    float n = t - EXP_ROUND;
    float r = Math.fma(n, EXP_LN2_HIGH, x);
    r = Math.fma(n, EXP_LN2_LOW, r);
    float p = EXP_P0;
    p = Math.fma(p, r, EXP_P1);
    p = Math.fma(p, r, EXP_P2);
    p = Math.fma(p, r, EXP_P3);
    p = Math.fma(p, r, EXP_P4);
    p = Math.fma(p, r, EXP_P5);
    float y = Math.fma(p, r * r, r) + 1f;
    return Float.intBitsToFloat(Float.floatToRawIntBits(y) + ((int) n << 23));
  }

  /**
   * Natural logarithm, within 1.3 ulp: x = (1 + f) 2^e with 1 + f from sqrt(1/2) to sqrt(2), a
   * polynomial in f, and e ln 2 added.
   */
  public static float log(float x) {
    if (!(x > 0f)) {
      return x == 0f ? Float.NEGATIVE_INFINITY : Float.NaN;
    }
    if (x == Float.POSITIVE_INFINITY) {
      return x;
    }
    boolean subnormal = x < Float.MIN_NORMAL;
    int bits = Float.floatToRawIntBits(subnormal ? x * 0x1p23f : x);
    int exponent = (bits >>> 23) - (subnormal ? 126 + 23 : 126);
    float mantissa = Float.intBitsToFloat((bits & 0x7fffff) | 0x3f000000);
    if (mantissa < LOG_SQRT_HALF) {
      exponent--;
      mantissa += mantissa;
    }
    float f = mantissa - 1f;
    float square = f * f;
    float p = LOG_P[0];
    for (int i = 1; i < LOG_P.length; i++) {
      p = Math.fma(p, f, LOG_P[i]);
    }
    float y = p * f * square;
    y = Math.fma(exponent, LOG_LN2_LOW, y);
    y = Math.fma(-0.5f, square, y);
    return Math.fma(exponent, LOG_LN2_HIGH, f + y);
  }

  /**
   * Log-sum-exp from the parts of {@code chunks} chunks, combined in rising order.
   *
   * @param parts from {@code index}, of each chunk its largest element m and its {@link #sum} of
   *     exp(x - m); a chunk whose largest is -infinity adds nothing
   */
  public static float logSumExp(float[] parts, int index, int chunks) {
    float max = Float.NEGATIVE_INFINITY;
    float sum = 0f;
    for (int i = index; i < index + 2 * chunks; i += 2) {
      if (parts[i] != Float.NEGATIVE_INFINITY) {
        float larger = Math.max(max, parts[i]);
        sum = Math.fma(sum, exp(max - larger), parts[i + 1] * exp(parts[i] - larger));
        max = larger;
      }
    }
    return max + log(sum);
  }

  /**
   * Dot product of {@code a[0..n)} and {@code b[0..n)}: lane j of 32 accumulates elements j, j+32,
   * ... from +0 by fused multiply-add, then {@link #tree}.
   *
   * @param lanes scratch of {@link #LANES} elements
   */
  public static float dot(float[] a, float[] b, int n, float[] lanes) {
    for (int j = 0; j < LANES; j++) {
      float sum = 0f;
      for (int i = j; i < n; i += LANES) {
        sum = Math.fma(a[i], b[i], sum);
      }
      lanes[j] = sum;
    }
    return tree(lanes);
  }

  /** Adds 32 lanes pairwise, at distances 16, 8, 4, 2, 1; overwrites them. */
  public static float tree(float[] lanes) {
    for (int o = LANES / 2; o > 0; o /= 2) {
      for (int j = 0; j < o; j++) {
        lanes[j] += lanes[j + o];
      }
    }
    return lanes[0];
  }

  /**
   * Sum of {@code values[0..n)}: chunks of 256, each as 32 lanes from +0 and {@link #tree}, chunk
   * sums added to +0 in rising order.
   *
   * @param lanes scratch of {@link #LANES} elements
   */
  public static float sum(float[] values, int n, float[] lanes) {
    float total = 0f;
    for (int start = 0; start < n; start += CHUNK) {
      int end = Math.min(n - start, CHUNK) + start;
      for (int j = 0; j < LANES; j++) {
        float sum = 0f;
        for (int i = start + j; i < end; i += LANES) {
          sum += values[i];
        }
        lanes[j] = sum;
      }
      total += tree(lanes);
    }
    return total;
  }

  /**
   * The larger number: NaN only if both are, +0 above -0 (IEEE 754-2019 maximumNumber). Any order
   * gives one result.
   */
  public static float maxNumber(float a, float b) {
    return Float.isNaN(a) ? b : Float.isNaN(b) ? a : Math.max(a, b);
  }

  /** The score of a {@link #rank}: +0 for both zeros. */
  public static float ofRank(int rank) {
    return Float.intBitsToFloat(rank ^ ((rank >> 31) & Integer.MAX_VALUE));
  }

  /**
   * A key that orders scores as selection ranks them: NaN below -infinity, -0 equal to +0,
   * otherwise by value.
   *
   * @return an int to compare as a signed number
   */
  public static int rank(float score) {
    if (Float.isNaN(score)) {
      return Integer.MIN_VALUE;
    }
    int bits = Float.floatToRawIntBits(score + 0f);
    return bits ^ ((bits >> 31) & Integer.MAX_VALUE);
  }
}
