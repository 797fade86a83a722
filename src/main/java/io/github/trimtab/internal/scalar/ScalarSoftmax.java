package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.CanonicalMath;

/** The softmax of one query at a time, and what is made of its weights. */
final class ScalarSoftmax {
  private final int headDim;
  private final float scale;
  private final float[] lanes = new float[CanonicalMath.LANES];

  ScalarSoftmax(int headDim, float scale) {
    this.headDim = headDim;
    this.scale = scale;
  }

  /** Logits of a query with the first {@code count} keys. */
  float[] logits(float[] query, float[][] keys, int count) {
    float[] logits = new float[count];
    for (int t = 0; t < count; t++) {
      logits[t] = CanonicalMath.dot(query, keys[t], headDim, lanes) * scale;
    }
    return logits;
  }

  /** Adds a query's weights on the first {@code visible} keys: max, sum, division. */
  void addWeights(float[] query, float[][] keys, int visible, float[] sums) {
    float[] weights = logits(query, keys, visible);
    float max = max(weights, 0, visible);
    for (int t = 0; t < visible; t++) {
      weights[t] = CanonicalMath.exp(weights[t] - max);
    }
    float sum = CanonicalMath.sum(weights, visible, lanes);
    for (int t = 0; t < visible; t++) {
      sums[t] += weights[t] / sum;
    }
  }

  /** Of each chunk the max and the sum of exp(logit - max), combined in rising order. */
  float logSumExp(float[] logits) {
    int chunks = Math.ceilDiv(logits.length, CanonicalMath.CHUNK);
    float[] parts = new float[2 * chunks];
    float[] weights = new float[CanonicalMath.CHUNK];
    for (int c = 0; c < chunks; c++) {
      int from = c * CanonicalMath.CHUNK;
      int count = Math.min(CanonicalMath.CHUNK, logits.length - from);
      float max = max(logits, from, from + count);
      for (int i = 0; i < count; i++) {
        weights[i] = CanonicalMath.exp(logits[from + i] - max);
      }
      parts[2 * c] = max;
      parts[2 * c + 1] = CanonicalMath.sum(weights, count, lanes);
    }
    return CanonicalMath.logSumExp(parts, 0, chunks);
  }

  private static float max(float[] values, int from, int to) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = from; i < to; i++) {
      max = Math.max(max, values[i]);
    }
    return max;
  }
}
