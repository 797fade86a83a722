package io.github.trimtab.internal.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The last steps of the canonical tree, inside vectors, for many keys at once.
 *
 * <p>A step at distance d makes one vector of two: lanes whose bit d is 0 hold the first one's
 * sums, the others the second one's. So every step halves the vectors, in place, and after all
 * steps a vector holds the sums of as many keys as it has lanes, in an order that one shuffle
 * mends. Each step is a loop over all keys with a single merge in it: the merges of several keys
 * written out in one method are more than the JIT inlines whole.
 */
final class Fold {
  private static final int LANES = Lanes.COUNT;
  private static final VectorSpecies<Float> FLOATS = Lanes.FLOATS;

  private static final VectorShuffle<Float> SWAP_8 = swap(8);
  private static final VectorShuffle<Float> SWAP_4 = swap(4);
  private static final VectorShuffle<Float> SWAP_2 = swap(2);
  private static final VectorShuffle<Float> SWAP_1 = swap(1);
  static final VectorShuffle<Float> SWAP_HALVES = swap(LANES / 2);
  static final VectorMask<Float> HIGH_HALF = high(LANES / 2);
  private static final VectorMask<Float> HIGH_8 = high(8);
  private static final VectorMask<Float> HIGH_4 = high(4);
  private static final VectorMask<Float> HIGH_2 = high(2);
  private static final VectorMask<Float> HIGH_1 = high(1);

  /** Lane of each key after steps at distances LANES / 2, ..., 1. */
  private static final VectorShuffle<Float> PLAIN_ORDER =
      VectorShuffle.fromOp(FLOATS, key -> reversed(key, LANES));

  /** Lane of each key where the step at LANES / 2 between keys comes last. */
  private static final VectorShuffle<Float> PAIRS_ORDER =
      VectorShuffle.fromOp(
          FLOATS, key -> (key & (LANES / 2)) | reversed(key & (LANES / 2 - 1), LANES / 2));

  private Fold() {}

  private static VectorShuffle<Float> swap(int distance) {
    return VectorShuffle.fromOp(FLOATS, i -> i ^ (distance % LANES));
  }

  private static VectorMask<Float> high(int bit) {
    long bits = 0;
    for (int i = 0; i < LANES; i++) {
      bits |= (i & bit) != 0 ? 1L << i : 0;
    }
    return VectorMask.fromLong(FLOATS, bits);
  }

  /** The bits of {@code i} below {@code size}, a power of two, in reverse. */
  private static int reversed(int i, int size) {
    return size == 1 ? 0 : Integer.reverse(i) >>> (32 - Integer.numberOfTrailingZeros(size));
  }

  /**
   * Sums of {@code count} keys, a vector each: {@code to[index + k] = sum of v's vector k *
   * factor}.
   *
   * @param v overwritten, with room for whole groups of {@link Lanes#COUNT} keys
   */
  static void plain(float[] v, int count, float factor, float[] to, int index) {
    int vectors = steps(v, wholeGroups(count), LANES / 2);
    result(v, vectors, PLAIN_ORDER, factor, to, index);
  }

  /**
   * The first step for keys of two vectors each, their even lanes and their odd ones: leaves a
   * vector a key, as {@link #pairs} wants them.
   */
  static void join(float[] v, int count) {
    step(v, 2 * count, LANES / 2);
  }

  /**
   * Sums of {@code count} keys, a vector each: the sums of the halves of its even lanes, then those
   * of its odd ones.
   *
   * @param v overwritten, with room for whole groups of {@link Lanes#COUNT} keys
   */
  static void pairs(float[] v, int count, float factor, float[] to, int index) {
    // Steps between keys, and last the even sum to the odd one.
    int vectors = steps(v, wholeGroups(count), LANES / 4);
    vectors = step(v, vectors, LANES / 2);
    result(v, vectors, PAIRS_ORDER, factor, to, index);
  }

  private static int wholeGroups(int count) {
    return (count + LANES - 1) & -LANES;
  }

  private static int steps(float[] v, int vectors, int distance) {
    for (int d = distance; d > 0; d /= 2) {
      vectors = step(v, vectors, d);
    }
    return vectors;
  }

  private static int step(float[] v, int vectors, int distance) {
    switch (distance) {
      case 8 -> step8(v, vectors / 2);
      case 4 -> step4(v, vectors / 2);
      case 2 -> step2(v, vectors / 2);
      default -> step1(v, vectors / 2);
    }
    return vectors / 2;
  }

  private static void step8(float[] v, int count) {
    for (int k = 0; k < count; k++) {
      merge(v, k, SWAP_8, HIGH_8);
    }
  }

  private static void step4(float[] v, int count) {
    for (int k = 0; k < count; k++) {
      merge(v, k, SWAP_4, HIGH_4);
    }
  }

  private static void step2(float[] v, int count) {
    for (int k = 0; k < count; k++) {
      merge(v, k, SWAP_2, HIGH_2);
    }
  }

  private static void step1(float[] v, int count) {
    for (int k = 0; k < count; k++) {
      merge(v, k, SWAP_1, HIGH_1);
    }
  }

  private static void merge(float[] v, int k, VectorShuffle<Float> swap, VectorMask<Float> high) {
    FloatVector x = FloatVector.fromArray(FLOATS, v, 2 * k * LANES);
    FloatVector y = FloatVector.fromArray(FLOATS, v, (2 * k + 1) * LANES);
    x.blend(y, high).add(y.blend(x, high).rearrange(swap)).intoArray(v, k * LANES);
  }

  private static void result(
      float[] v, int vectors, VectorShuffle<Float> order, float factor, float[] to, int index) {
    for (int k = 0; k < vectors * LANES; k += LANES) {
      FloatVector.fromArray(FLOATS, v, k).rearrange(order).mul(factor).intoArray(to, index + k);
    }
  }
}
