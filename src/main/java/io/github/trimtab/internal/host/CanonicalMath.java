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
