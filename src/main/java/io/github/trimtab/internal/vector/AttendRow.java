package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The arithmetic of one query alone, as {@link AttendPanel} has it for a panel: where a head has
 * few queries, most lanes of a panel would compute nothing. Sums add in the panel's order, so that
 * a query gets the same bits alone as among others: speculation with greedy verification relies on
 * it. Elements of values lie across the lanes; rows are whole vectors whose last one ends in zeros.
 */
final class AttendRow {
  private static final int LANES = Lanes.COUNT;

  private AttendRow() {}

  /** Elements that a row of {@code headDim} takes. */
  static int room(int headDim) {
    return headDim + LANES - 1 & -LANES;
  }

  /**
   * {@code logits[k] = scale * (query . key k)}, four keys at once.
   *
   * @param keys rows of {@code stride}, readable up to a multiple of 4
   */
  static void logits(
      float[] query,
      int queryIndex,
      float[] keys,
      int stride,
      int count,
      int headDim,
      float scale,
      float[] logits) {
    for (int k = 0; k < count; k += 4) {
      int at = k * stride;
      float a = 0f;
      float b = 0f;
      float c = 0f;
      float d = 0f;
      for (int i = 0; i < headDim; i++) {
        float x = query[queryIndex + i];
        a = Math.fma(keys[at + i], x, a);
        b = Math.fma(keys[at + stride + i], x, b);
        c = Math.fma(keys[at + 2 * stride + i], x, c);
        d = Math.fma(keys[at + 3 * stride + i], x, d);
      }
      logits[k] = a * scale;
      logits[k + 1] = b * scale;
      logits[k + 2] = c * scale;
      logits[k + 3] = d * scale;
    }
  }

  /**
   * Turns the logits of a block into weights against the running maximum, and rescales what earlier
   * blocks left.
   *
   * @param logits with room for whole vectors
   * @param state the maximum, then the sum, from {@code stateIndex}
   * @param out weighted values from {@code outIndex}
   */
  static void softmax(
      float[] logits,
      int count,
      float[] state,
      int stateIndex,
      float[] out,
      int outIndex,
      int room) {
    float before = state[stateIndex];
    float max = Math.max(before, SoftmaxScore.max(logits, 0, count));
    state[stateIndex] = max;
    // No visible key yet: any finite maximum gives weights of 0.
    float base = max == Float.NEGATIVE_INFINITY ? 0f : max;
    Arrays.fill(logits, count, count + LANES, Float.NEGATIVE_INFINITY);
    VectorExp.ofNonPositive(logits, 0, count, base, logits, 0);
    float sum = 0f;
    for (int k = 0; k < count; k++) {
      sum += logits[k];
    }
    float factor = CanonicalMath.exp(before - base);
    state[stateIndex + 1] = Math.fma(state[stateIndex + 1], factor, sum);
    if (factor != 1f) {
      for (int d = outIndex; d < outIndex + room; d += LANES) {
        Lanes.load(out, d).mul(factor).intoArray(out, d);
      }
    }
  }

  /** Divides weighted values by the sum of their weights. */
  static void divide(float[] out, int outIndex, int room, float sum) {
    for (int d = outIndex; d < outIndex + room; d += LANES) {
      Lanes.load(out, d).div(sum).intoArray(out, d);
    }
  }

  /** {@code out += sum of weights[k] * value k}. */
  static void accumulate(
      float[] weights, int count, float[] values, int stride, float[] out, int outIndex) {
    int d = 0;
    for (; d + 4 * LANES <= stride; d += 4 * LANES) {
      fourVectors(weights, count, values, d, stride, out, outIndex + d);
    }
    for (; d < stride; d += LANES) {
      FloatVector sum = Lanes.load(out, outIndex + d);
      for (int k = 0; k < count; k++) {
        sum = Lanes.load(values, k * stride + d).fma(Lanes.broadcast(weights[k]), sum);
      }
      sum.intoArray(out, outIndex + d);
    }
  }

  private static void fourVectors(
      float[] weights, int count, float[] values, int v, int stride, float[] out, int to) {
    FloatVector a = Lanes.load(out, to);
    FloatVector b = Lanes.load(out, to + LANES);
    FloatVector c = Lanes.load(out, to + 2 * LANES);
    FloatVector d = Lanes.load(out, to + 3 * LANES);
    for (int k = 0; k < count; k++) {
      FloatVector weight = Lanes.broadcast(weights[k]);
      a = Lanes.load(values, v).fma(weight, a);
      b = Lanes.load(values, v + LANES).fma(weight, b);
      c = Lanes.load(values, v + 2 * LANES).fma(weight, c);
      d = Lanes.load(values, v + 3 * LANES).fma(weight, d);
      v += stride;
    }
    a.intoArray(out, to);
    b.intoArray(out, to + LANES);
    c.intoArray(out, to + 2 * LANES);
    d.intoArray(out, to + 3 * LANES);
  }
}
