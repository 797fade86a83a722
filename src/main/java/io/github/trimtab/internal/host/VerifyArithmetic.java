package io.github.trimtab.internal.host;

import io.github.trimtab.memory.Tensor;

/**
 * What verification computes over long rows; each backend has its own, and all return the same
 * bits. Masses are not negative and not NaN, and there may be none.
 */
public interface VerifyArithmetic {
  /**
   * Room for {@code size} masses with whatever was left in it; {@code use} tells two rows apart.
   */
  float[] room(int use, int size);

  /**
   * {@link CanonicalMath#sum} of {@code n} F32 elements of a tensor from a byte offset on; NaN if
   * one of them is negative or NaN.
   */
  float total(Tensor row, long offset, int n);

  /** {@link CanonicalMath#sum} of {@code masses[0..n)}. */
  float sum(float[] masses, int n);

  /** Draws an id in [0, n) as {@link io.github.trimtab.kernel.Verify} says, n at least 1. */
  int draw(float[] masses, int n, float uniform);

  /** The id of the highest of {@code masses[0..n)}, the lower one of equals, n at least 1. */
  int highest(float[] masses, int n);

  /** Divides {@code masses[0..n)} by a number. */
  void divide(float[] masses, int n, float by);
}
