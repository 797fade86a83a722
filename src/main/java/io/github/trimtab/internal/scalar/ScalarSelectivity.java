package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.SoftmaxChecks;
import io.github.trimtab.kernel.Selectivity;
import java.util.Arrays;

/** The selectivity index of a layer: two shares of attention of every query, averaged. */
final class ScalarSelectivity {
  private final Selectivity op;
  private final int headDim;
  private final KvSource source;
  private final ScalarSoftmax softmax;
  private final float[] lanes = new float[CanonicalMath.LANES];
  private final float[] current;
  private final float[] history;
  private int queries;

  private ScalarSelectivity(Selectivity op) {
    this.op = op;
    headDim = (int) op.q().size(3);
    source = new KvSource(op.history(), op.fresh());
    softmax = new ScalarSoftmax(headDim, op.scale());
    int most = (int) (op.q().size(0) * op.q().size(1) * op.q().size(2));
    current = new float[most];
    history = new float[most];
  }

  static void run(Selectivity op) {
    SoftmaxChecks.check(op);
    new ScalarSelectivity(op).run();
  }

  private void run() {
    float[] query = new float[headDim];
    for (int row = 0; row < op.rows(); row++) {
      int valid = KvAccess.queries(op.q(), op.queryLengths(), row);
      for (int head = 0; head < op.heads(); head++) {
        float[][] keys = source.keys(row, head, headDim);
        int historyTokens = source.historyTokens(row, head);
        for (int member = 0; member < op.group(); member++) {
          for (int i = 0; i < valid; i++) {
            KvSource.readTensor(op.q(), row, head * op.group() + member, i, query);
            shares(query, keys, historyTokens);
          }
        }
      }
    }
    float meanCurrent = CanonicalMath.sum(current, queries, lanes) / queries;
    float meanHistory = CanonicalMath.sum(history, queries, lanes) / queries;
    op.index().setFloatAt(op.index().offset(0), meanCurrent);
    op.index().setFloatAt(op.index().offset(1), meanHistory);
    op.index().setFloatAt(op.index().offset(2), meanCurrent * meanHistory);
  }

  /** Notes the next query's share of the current map and of the most attended history. */
  private void shares(float[] query, float[][] keys, int historyTokens) {
    float[] weights = softmax.logits(query, keys, keys.length);
    float logSumExp = softmax.logSumExp(weights);
    for (int t = 0; t < weights.length; t++) {
      weights[t] = CanonicalMath.exp(weights[t] - logSumExp);
    }
    float[] onHistory = Arrays.copyOf(weights, historyTokens);
    float[] onCurrent = Arrays.copyOfRange(weights, historyTokens, weights.length);
    current[queries] = CanonicalMath.sum(onCurrent, onCurrent.length, lanes);
    history[queries] = largest(onHistory, op.top());
    queries++;
  }

  /** The sum of the {@code top} largest weights in rising index. */
  private static float largest(float[] weights, int top) {
    int dropped = Math.max(weights.length - top, 0);
    // Ascending keys: a larger weight, then a lower index, comes later.
    long[] keys = new long[weights.length];
    for (int t = 0; t < keys.length; t++) {
      keys[t] = ((long) CanonicalMath.rank(weights[t]) << 32) | (Integer.MAX_VALUE - t);
    }
    Arrays.sort(keys);
    int[] members = new int[keys.length - dropped];
    for (int i = 0; i < members.length; i++) {
      members[i] = Integer.MAX_VALUE - (int) keys[dropped + i];
    }
    Arrays.sort(members);
    float sum = 0f;
    for (int t : members) {
      sum += weights[t];
    }
    return sum;
  }
}
