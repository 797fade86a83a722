package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.HeadAccess;
import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/** Logits over the rows of a head, the highest of them, and their log-sum-exp. */
final class ScalarHead {
  private ScalarHead() {}

  static void run(Head op) {
    HeadChecks.check(op);
    float[][] logits = logits(op);
    for (int n = 0; n < logits.length; n++) {
      Tensor all = op.logits();
      for (int place = 0; all != null && place < all.size(1); place++) {
        float logit = place < logits[n].length ? logits[n][place] : Float.NEGATIVE_INFINITY;
        all.setFloatAt(all.offset(n, place), logit);
      }
      Tensor ids = op.ids();
      Tensor values = op.values();
      if (ids != null && values != null) {
        top(op, logits[n], n, ids, values);
      }
      Tensor logSumExp = op.logSumExp();
      if (logSumExp != null) {
        logSumExp.setFloatAt(logSumExp.offset(n), logSumExp(logits[n]));
      }
    }
  }

  private static float[][] logits(Head op) {
    int count = HeadAccess.count(op.rows());
    int columns = op.rows().weight().columns();
    float[][] hidden = new float[op.vectors()][columns];
    for (int n = 0; n < hidden.length; n++) {
      for (int i = 0; i < columns; i++) {
        hidden[n][i] = op.hidden().floatAt(op.hidden().offset(n, i));
      }
    }
    float[][] logits = new float[hidden.length][count];
    float[] row = new float[columns];
    float[] lanes = new float[CanonicalMath.LANES];
    for (int place = 0; place < count; place++) {
      op.rows().weight().read(HeadAccess.row(op.rows(), place), row);
      for (int n = 0; n < hidden.length; n++) {
        logits[n][place] = CanonicalMath.dot(row, hidden[n], columns, lanes);
      }
    }
    return logits;
  }

  private static void top(Head op, float[] logits, int n, Tensor ids, Tensor values) {
    // Ascending keys: a higher logit, then an earlier place, comes first.
    long[] keys = new long[logits.length];
    for (int place = 0; place < keys.length; place++) {
      keys[place] = ((long) ~CanonicalMath.rank(logits[place]) << 32) | place;
    }
    Arrays.sort(keys);
    for (int i = 0; i < ids.size(1); i++) {
      boolean present = i < keys.length;
      int place = present ? (int) keys[i] : -1;
      ids.setIntegerAt(ids.offset(n, i), present ? HeadAccess.id(op.rows(), place) : -1);
      values.setFloatAt(
          values.offset(n, i), present ? logits[place] + 0f : Float.NEGATIVE_INFINITY);
    }
  }

  private static float logSumExp(float[] logits) {
    int chunks = Math.ceilDiv(logits.length, CanonicalMath.CHUNK);
    float[] parts = new float[2 * chunks];
    float[] lanes = new float[CanonicalMath.LANES];
    for (int chunk = 0; chunk < chunks; chunk++) {
      int start = chunk * CanonicalMath.CHUNK;
      float[] x =
          Arrays.copyOfRange(logits, start, Math.min(start + CanonicalMath.CHUNK, logits.length));
      float max = Float.NEGATIVE_INFINITY;
      for (float logit : x) {
        max = Math.max(max, logit);
      }
      for (int i = 0; i < x.length; i++) {
        x[i] = CanonicalMath.exp(x[i] - max);
      }
      parts[2 * chunk] = max;
      parts[2 * chunk + 1] = CanonicalMath.sum(x, x.length, lanes);
    }
    return CanonicalMath.logSumExp(parts, 0, chunks);
  }
}
