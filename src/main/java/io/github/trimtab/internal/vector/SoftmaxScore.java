package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.Score;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Softmax-mode scores of one head: logits of a few queries at a time, each key widened once for
 * them, then per query max, sum of exponentials and division.
 */
final class SoftmaxScore {
  /** Queries whose logits are held at once. */
  private static final int QUERIES = 16;

  /** Keys that stay in the first-level cache while the queries pass over them. */
  private static final int KEYS = 32;

  private SoftmaxScore() {}

  /** Writes {@code tokens} scores, not yet pooled. */
  static void head(Score op, int row, int head, int tokens, float[] scores, Workspace own) {
    Arrays.fill(scores, 0, Dots.room(tokens), 0f);
    int padded = Dots.padded((int) op.q().size(3));
    int stride = Dots.room(tokens);
    float[] queries = own.zeroFloats(Floats.QUERIES, QUERIES * padded);
    float[] logits = own.floats(Floats.LOGITS, QUERIES * stride);
    int[] visible = own.ints(Workspace.Ints.VISIBLE, QUERIES);
    int present = KvAccess.presentQueries(op, row);
    int seen = 0;
    int held = 0;
    for (int w = 0; w < op.queries(); w++) {
      int place = KvAccess.query(op, row, w);
      if (place < 0) {
        continue;
      }
      seen++;
      for (int member = 0; member < op.group(); member++) {
        int queryHead = head * op.group() + member;
        Source.tensor(op.q(), row, queryHead, place, 1, queries, held * padded, padded);
        // The present queries are the last positions of a causal sequence.
        visible[held] =
            op.scoring().mask() == Mask.CAUSAL ? Math.max(tokens - present + seen, 0) : tokens;
        held++;
        if (held == QUERIES) {
          add(op, row, head, tokens, queries, held, visible, logits, scores, own);
          held = 0;
        }
      }
    }
    add(op, row, head, tokens, queries, held, visible, logits, scores, own);
    for (int t = 0; t < tokens; t += Lanes.COUNT) {
      Lanes.load(scores, t).div(op.group()).intoArray(scores, t);
    }
  }

  /** Adds the weights that {@code held} queries give. */
  private static void add(
      Score op,
      int row,
      int head,
      int tokens,
      float[] queries,
      int held,
      int[] visible,
      float[] logits,
      float[] scores,
      Workspace own) {
    if (held == 0) {
      return;
    }
    int headDim = (int) op.q().size(3);
    int padded = Dots.padded(headDim);
    int stride = Dots.room(tokens);
    float scale = op.scoring().scale();
    float[] keys = own.floats(Floats.KEYS, KEYS * padded);
    for (int t = 0; t < tokens; t += KEYS) {
      int n = Math.min(KEYS, tokens - t);
      Source.read(op.history(), op.fresh(), row, head, t, n, false, keys, padded);
      Dots.pad(keys, n, headDim);
      for (int i = 0; i < held; i++) {
        Dots.widened(keys, n, padded, queries, i * padded, scale, logits, i * stride + t, own);
      }
    }
    float[] lanes = own.floats(Floats.PARTIAL, CanonicalMath.LANES);
    for (int i = 0; i < held; i++) {
      addWeights(logits, i * stride, visible[i], scores, own, lanes);
    }
  }

  private static void addWeights(
      float[] logits, int index, int visible, float[] scores, Workspace own, float[] lanes) {
    if (visible == 0) {
      return;
    }
    float max = max(logits, index, visible);
    float[] weights = own.floats(Floats.ROW, visible + Lanes.COUNT);
    for (int t = 0; t < visible; t += Lanes.COUNT) {
      VectorExp.exp(Lanes.load(logits, index + t).sub(max)).intoArray(weights, t);
    }
    float sum = Dots.sum(weights, visible, lanes);
    int whole = visible - visible % Lanes.COUNT;
    for (int t = 0; t < whole; t += Lanes.COUNT) {
      Lanes.load(scores, t).add(Lanes.load(weights, t).div(sum)).intoArray(scores, t);
    }
    for (int t = whole; t < visible; t++) {
      scores[t] += weights[t] / sum;
    }
  }

  static float max(float[] values, int index, int count) {
    FloatVector max = Lanes.broadcast(Float.NEGATIVE_INFINITY);
    int t = 0;
    for (; t + Lanes.COUNT <= count; t += Lanes.COUNT) {
      max = max.max(Lanes.load(values, index + t));
    }
    float largest = max.reduceLanes(VectorOperators.MAX);
    for (; t < count; t++) {
      largest = Math.max(largest, values[index + t]);
    }
    return largest;
  }
}
