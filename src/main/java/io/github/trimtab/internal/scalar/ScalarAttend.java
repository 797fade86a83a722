package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.AttendChecks;
import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/** Attention in two passes over the logits of a query, in binary32. */
final class ScalarAttend {
  private final Attend op;
  private final int headDim;
  private final float[] lanes = new float[CanonicalMath.LANES];

  private ScalarAttend(Attend op) {
    this.op = op;
    this.headDim = (int) op.q().size(3);
  }

  static void run(Attend op) {
    AttendChecks.check(op);
    ScalarAttend kernel = new ScalarAttend(op);
    KvSource source = new KvSource(op.history(), op.fresh());
    int heads = op.heads();
    for (int row = 0; row < op.q().size(0); row++) {
      for (int head = 0; head < heads; head++) {
        kernel.attendHead(source, row, head, (int) op.q().size(1) / heads);
      }
    }
  }

  /** All queries of the query heads that share one key/value head. */
  private void attendHead(KvSource source, int row, int head, int group) {
    float[][] keys = source.keys(row, head, headDim);
    float[][] values = source.values(row, head, headDim);
    int historyTokens = source.historyTokens(row, head);
    int queries =
        op.queryLengths() == null ? (int) op.q().size(2) : KvAccess.at(op.queryLengths(), row);
    long[] ancestors = ancestors(op.parents(), row, queries);
    boolean[] visible = new boolean[keys.length];
    for (int i = 0; i < op.q().size(2); i++) {
      for (int t = 0; t < keys.length; t++) {
        visible[t] = i < queries && (t < historyTokens || sees(i, t - historyTokens, ancestors));
      }
      for (int h = head * group; h < (head + 1) * group; h++) {
        attendQuery(row, h, i, keys, values, visible);
      }
    }
  }

  private boolean sees(int query, int newToken, long[] ancestors) {
    return switch (op.mask()) {
      case NONE -> true;
      case CAUSAL -> newToken <= query;
      case TREE -> (ancestors[query] >>> newToken & 1) != 0;
    };
  }

  /** For each query of a tree, a bit for itself and for each of its ancestors. */
  private static long[] ancestors(@Nullable Tensor parents, int row, int queries) {
    if (parents == null) {
      return new long[0];
    }
    long[] ancestors = new long[queries];
    for (int i = 0; i < queries; i++) {
      int parent = KvAccess.at(parents, row, i);
      ancestors[i] = 1L << i | (parent < 0 ? 0 : ancestors[parent]);
    }
    return ancestors;
  }

  private void attendQuery(
      int row, int h, int i, float[][] keys, float[][] values, boolean[] visible) {
    float[] query = new float[headDim];
    KvSource.readTensor(op.q(), row, h, i, query);
    float[] weights = new float[keys.length];
    float max = Float.NEGATIVE_INFINITY;
    boolean any = false;
    for (int t = 0; t < keys.length; t++) {
      if (visible[t]) {
        any = true;
        weights[t] = CanonicalMath.dot(query, keys[t], headDim, lanes) * op.scale();
        max = Math.max(max, weights[t]);
      }
    }
    float sum = 0f;
    float[] out = new float[headDim];
    for (int t = 0; t < keys.length; t++) {
      if (visible[t]) {
        float weight = CanonicalMath.exp(weights[t] - max);
        sum += weight;
        for (int d = 0; d < headDim; d++) {
          out[d] = Math.fma(weight, values[t][d], out[d]);
        }
      }
    }
    for (int d = 0; d < headDim; d++) {
      op.out().setFloatAt(op.out().offset(row, h, i, d), any ? out[d] / sum : 0f);
    }
    if (op.lse() != null) {
      float lse = any ? max + (float) Math.log(sum) : Float.NEGATIVE_INFINITY;
      op.lse().setFloatAt(op.lse().offset(row, h, i), lse);
    }
  }
}
