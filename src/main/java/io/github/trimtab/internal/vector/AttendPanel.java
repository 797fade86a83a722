package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;

import jdk.incubator.vector.FloatVector;

/**
 * The arithmetic of one panel of queries, which lie across the lanes of three vectors. Both matrix
 * products hold 4 x 3 vectors of results: with three vectors of one factor and one broadcast
 * element of the other they just fill 16 registers. Arrays are [key or head-dim element][{@link
 * #QUERIES}].
 */
final class AttendPanel {
  private static final int LANES = Lanes.COUNT;

  /** Queries of a panel. */
  static final int QUERIES = 3 * LANES;

  private AttendPanel() {}

  /**
   * {@code logits[k] = scale * (query . key k)} for the panel's queries.
   *
   * @param queries [headDim][QUERIES] from {@code queryIndex}
   * @param keys rows of {@code stride}, readable up to a multiple of 4
   */
  static void logits(
      float[] queries,
      int queryIndex,
      float[] keys,
      int stride,
      int count,
      int headDim,
      float scale,
      float[] logits) {
    for (int k = 0; k < count; k += 4) {
      fourKeys(queries, queryIndex, keys, k * stride, stride, headDim, scale, logits, k * QUERIES);
    }
  }

  private static void fourKeys(
      float[] queries,
      int queryIndex,
      float[] keys,
      int k0,
      int stride,
      int headDim,
      float scale,
      float[] logits,
      int to) {
    FloatVector a0 = FloatVector.zero(Lanes.FLOATS);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector b2 = a0;
    FloatVector c0 = a0;
    FloatVector c1 = a0;
    FloatVector c2 = a0;
    FloatVector d0 = a0;
    FloatVector d1 = a0;
    FloatVector d2 = a0;
    int k1 = k0 + stride;
    int k2 = k1 + stride;
    int k3 = k2 + stride;
    for (int i = 0; i < headDim; i++) {
      int q = queryIndex + i * QUERIES;
      FloatVector q0 = Lanes.load(queries, q);
      FloatVector q1 = Lanes.load(queries, q + LANES);
      FloatVector q2 = Lanes.load(queries, q + 2 * LANES);
      FloatVector key = Lanes.broadcast(keys[k0 + i]);
      a0 = key.fma(q0, a0);
      a1 = key.fma(q1, a1);
      a2 = key.fma(q2, a2);
      key = Lanes.broadcast(keys[k1 + i]);
      b0 = key.fma(q0, b0);
      b1 = key.fma(q1, b1);
      b2 = key.fma(q2, b2);
      key = Lanes.broadcast(keys[k2 + i]);
      c0 = key.fma(q0, c0);
      c1 = key.fma(q1, c1);
      c2 = key.fma(q2, c2);
      key = Lanes.broadcast(keys[k3 + i]);
      d0 = key.fma(q0, d0);
      d1 = key.fma(q1, d1);
      d2 = key.fma(q2, d2);
    }
    store(a0.mul(scale), a1.mul(scale), a2.mul(scale), logits, to);
    store(b0.mul(scale), b1.mul(scale), b2.mul(scale), logits, to + QUERIES);
    store(c0.mul(scale), c1.mul(scale), c2.mul(scale), logits, to + 2 * QUERIES);
    store(d0.mul(scale), d1.mul(scale), d2.mul(scale), logits, to + 3 * QUERIES);
  }

  private static void store(FloatVector x, FloatVector y, FloatVector z, float[] to, int index) {
    x.intoArray(to, index);
    y.intoArray(to, index + LANES);
    z.intoArray(to, index + 2 * LANES);
  }

  /**
   * Turns the logits of a block into weights against the running maximum, and rescales what earlier
   * blocks left. Its steps hand vectors on in arrays: a method that the JIT does not inline would
   * take and return objects.
   *
   * @param state maxima [QUERIES], sums [QUERIES], then room for as many factors, from {@code
   *     stateIndex}
   * @param out weighted values [headDim][QUERIES] from {@code outIndex}
   */
  static void softmax(
      float[] logits,
      int count,
      float[] state,
      int stateIndex,
      float[] out,
      int outIndex,
      int headDim) {
    for (int lane = 0; lane < QUERIES; lane += LANES) {
      if (raise(logits, lane, count, state, stateIndex + lane)) {
        rescale(out, outIndex + lane, headDim, state, stateIndex + lane + 2 * QUERIES);
      }
      weights(logits, lane, count, state, stateIndex + lane);
    }
  }

  /** No visible key yet: any finite maximum gives weights of 0. */
  private static FloatVector base(FloatVector max) {
    return max.blend(0f, max.compare(EQ, Float.NEGATIVE_INFINITY));
  }

  /**
   * Raises the maxima, leaves as factors what earlier weights are worth against them, and returns
   * whether any has risen. Ignores NaN: its weight is NaN under any maximum.
   */
  private static boolean raise(float[] logits, int lane, int count, float[] state, int at) {
    FloatVector before = Lanes.load(state, at);
    FloatVector max = before;
    for (int k = 0; k < count; k++) {
      FloatVector x = Lanes.load(logits, k * QUERIES + lane);
      max = max.blend(x, x.compare(GT, max));
    }
    max.intoArray(state, at);
    boolean risen = max.compare(GT, before).anyTrue();
    VectorExp.ofNonPositive(before.sub(base(max))).intoArray(state, at + 2 * QUERIES);
    return risen;
  }

  private static void rescale(float[] out, int index, int headDim, float[] factors, int at) {
    FloatVector factor = Lanes.load(factors, at);
    for (int d = index; d < index + headDim * QUERIES; d += QUERIES) {
      Lanes.load(out, d).mul(factor).intoArray(out, d);
    }
  }

  /** Turns logits into weights and adds them to the sums. */
  private static void weights(float[] logits, int lane, int count, float[] state, int at) {
    FloatVector base = base(Lanes.load(state, at));
    FloatVector earlier = Lanes.load(state, at + QUERIES);
    FloatVector factor = Lanes.load(state, at + 2 * QUERIES);
    FloatVector sum = FloatVector.zero(Lanes.FLOATS);
    for (int k = lane; k < count * QUERIES; k += QUERIES) {
      FloatVector weight = VectorExp.ofNonPositive(Lanes.load(logits, k).sub(base));
      weight.intoArray(logits, k);
      sum = sum.add(weight);
    }
    earlier.fma(factor, sum).intoArray(state, at + QUERIES);
  }

  /** Divides weighted values by the sums of their weights. */
  static void divide(float[] out, int outIndex, int headDim, float[] state, int stateIndex) {
    for (int lane = 0; lane < QUERIES; lane += LANES) {
      FloatVector sum = Lanes.load(state, stateIndex + QUERIES + lane);
      int end = outIndex + headDim * QUERIES;
      for (int d = outIndex + lane; d < end; d += QUERIES) {
        Lanes.load(out, d).div(sum).intoArray(out, d);
      }
    }
  }

  /** {@code out[d] += sum of weights[k] * values[k][d]}. */
  static void accumulate(
      float[] weights,
      int count,
      float[] values,
      int stride,
      float[] out,
      int outIndex,
      int headDim) {
    for (int d = 0; d < headDim; d += 4) {
      fourElements(weights, count, values, d, stride, out, outIndex + d * QUERIES);
    }
  }

  private static void fourElements(
      float[] weights, int count, float[] values, int v, int stride, float[] out, int to) {
    FloatVector a0 = Lanes.load(out, to);
    FloatVector a1 = Lanes.load(out, to + LANES);
    FloatVector a2 = Lanes.load(out, to + 2 * LANES);
    FloatVector b0 = Lanes.load(out, to + QUERIES);
    FloatVector b1 = Lanes.load(out, to + QUERIES + LANES);
    FloatVector b2 = Lanes.load(out, to + QUERIES + 2 * LANES);
    FloatVector c0 = Lanes.load(out, to + 2 * QUERIES);
    FloatVector c1 = Lanes.load(out, to + 2 * QUERIES + LANES);
    FloatVector c2 = Lanes.load(out, to + 2 * QUERIES + 2 * LANES);
    FloatVector d0 = Lanes.load(out, to + 3 * QUERIES);
    FloatVector d1 = Lanes.load(out, to + 3 * QUERIES + LANES);
    FloatVector d2 = Lanes.load(out, to + 3 * QUERIES + 2 * LANES);
    for (int k = 0; k < count; k++) {
      int w = k * QUERIES;
      FloatVector w0 = Lanes.load(weights, w);
      FloatVector w1 = Lanes.load(weights, w + LANES);
      FloatVector w2 = Lanes.load(weights, w + 2 * LANES);
      FloatVector value = Lanes.broadcast(values[v]);
      a0 = value.fma(w0, a0);
      a1 = value.fma(w1, a1);
      a2 = value.fma(w2, a2);
      value = Lanes.broadcast(values[v + 1]);
      b0 = value.fma(w0, b0);
      b1 = value.fma(w1, b1);
      b2 = value.fma(w2, b2);
      value = Lanes.broadcast(values[v + 2]);
      c0 = value.fma(w0, c0);
      c1 = value.fma(w1, c1);
      c2 = value.fma(w2, c2);
      value = Lanes.broadcast(values[v + 3]);
      d0 = value.fma(w0, d0);
      d1 = value.fma(w1, d1);
      d2 = value.fma(w2, d2);
      v += stride;
    }
    store(a0, a1, a2, out, to);
    store(b0, b1, b2, out, to + QUERIES);
    store(c0, c1, c2, out, to + 2 * QUERIES);
    store(d0, d1, d2, out, to + 3 * QUERIES);
  }
}
