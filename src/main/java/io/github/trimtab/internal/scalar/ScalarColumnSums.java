package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.SoftmaxChecks;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Mask;

/** Sums each token's softmax weights over all queries. */
final class ScalarColumnSums {
  private ScalarColumnSums() {}

  static void run(ColumnSums op) {
    SoftmaxChecks.check(op);
    for (int row = 0; row < op.rows(); row++) {
      for (int head = 0; head < op.heads(); head++) {
        head(op, row, head);
      }
    }
  }

  private static void head(ColumnSums op, int row, int head) {
    int headDim = (int) op.q().size(3);
    ScalarSoftmax softmax = new ScalarSoftmax(headDim, op.scale());
    float[][] keys = new KvSource(op.history(), op.fresh()).keys(row, head, headDim);
    float[] sums = new float[keys.length];
    float[] query = new float[headDim];
    int queries = KvAccess.queries(op.q(), op.queryLengths(), row);
    for (int i = 0; i < queries; i++) {
      // The queries are the last positions of a causal sequence.
      int visible =
          op.mask() == Mask.CAUSAL ? Math.max(keys.length - queries + i + 1, 0) : keys.length;
      for (int member = 0; member < op.group(); member++) {
        KvSource.readTensor(op.q(), row, head * op.group() + member, i, query);
        softmax.addWeights(query, keys, visible, sums);
      }
    }
    for (int t = 0; t < op.sums().size(2); t++) {
      float sum = t < keys.length ? sums[t] / op.group() : 0f;
      op.sums().setFloatAt(op.sums().offset(row, head, t), sum);
    }
  }
}
