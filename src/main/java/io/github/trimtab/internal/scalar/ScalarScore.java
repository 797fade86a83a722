package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.HostChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/** Scores tokens by the attention of a window of queries. */
final class ScalarScore {
  private final Score op;
  private final KvSource source;
  private final int headDim;
  private final float[] lanes = new float[CanonicalMath.LANES];

  private ScalarScore(Score op) {
    this.op = op;
    this.source = new KvSource(op.history(), op.fresh());
    this.headDim = (int) op.q().size(3);
  }

  static void run(Score op) {
    HostChecks.check(op);
    runChecked(op);
  }

  /** Runs an operation whose buffers have been checked. */
  static void runChecked(Score op) {
    ScalarScore kernel = new ScalarScore(op);
    for (int row = 0; row < op.rows(); row++) {
      for (int head = 0; head < op.heads(); head++) {
        kernel.scoreHead(row, head);
      }
    }
  }

  private void scoreHead(int row, int head) {
    float[][] keys = source.keys(row, head, headDim);
    boolean[] inWindow = new boolean[keys.length];
    Tensor window = op.window();
    for (int p = 0; window != null && p < window.size(1); p++) {
      int position = KvAccess.at(window, row, p);
      if (position >= 0) {
        inWindow[position] = true;
      }
    }
    float[] scores =
        switch (op.scoring().mode()) {
          case RAW -> raw(row, head, keys);
          case SOFTMAX -> softmax(row, head, keys);
        };
    scores = pool(scores, inWindow);
    Tensor out = op.scores();
    for (int t = 0; t < out.size(2); t++) {
      boolean scored = t < keys.length && !inWindow[t];
      out.setFloatAt(out.offset(row, head, t), scored ? scores[t] : Float.NEGATIVE_INFINITY);
    }
  }

  /** One dot product a key with the sum of all queries, times scale / group. */
  private float[] raw(int row, int head, float[][] keys) {
    float[] query = new float[headDim];
    float[] sum = new float[headDim];
    for (int w = 0; w < op.queries(); w++) {
      for (int member = 0; member < op.group(); member++) {
        if (readQuery(row, head, w, member, query)) {
          for (int d = 0; d < headDim; d++) {
            sum[d] += query[d];
          }
        }
      }
    }
    float factor = op.scoring().scale() / op.group();
    float[] scores = new float[keys.length];
    for (int t = 0; t < keys.length; t++) {
      scores[t] = CanonicalMath.dot(sum, keys[t], headDim, lanes) * factor;
    }
    return scores;
  }

  /** Softmax weights added over the queries, then divided by the group's size. */
  private float[] softmax(int row, int head, float[][] keys) {
    ScalarSoftmax softmax = new ScalarSoftmax(headDim, op.scoring().scale());
    float[] query = new float[headDim];
    float[] scores = new float[keys.length];
    int present = KvAccess.presentQueries(op, row);
    int seen = 0;
    for (int w = 0; w < op.queries(); w++) {
      if (KvAccess.query(op, row, w) < 0) {
        continue;
      }
      // The present queries are the last positions of a causal sequence.
      int visible =
          op.scoring().mask() == Mask.CAUSAL
              ? Math.max(keys.length - present + seen + 1, 0)
              : keys.length;
      seen++;
      for (int member = 0; member < op.group(); member++) {
        readQuery(row, head, w, member, query);
        softmax.addWeights(query, keys, visible, scores);
      }
    }
    for (int t = 0; t < keys.length; t++) {
      scores[t] /= op.group();
    }
    return scores;
  }

  /** Reads the query of a window's place and a member of the head group; false if it is absent. */
  private boolean readQuery(int row, int head, int w, int member, float[] query) {
    int place = KvAccess.query(op, row, w);
    if (place >= 0) {
      KvSource.readTensor(op.q(), row, head * op.group() + member, place, query);
    }
    return place >= 0;
  }

  private float[] pool(float[] scores, boolean[] inWindow) {
    Scoring.Pooling pooling = op.scoring().pooling();
    if (pooling == Scoring.Pooling.NONE) {
      return scores;
    }
    boolean max = pooling == Scoring.Pooling.MAX;
    float[] neutralised = scores.clone();
    for (int t = 0; t < scores.length; t++) {
      if (inWindow[t]) {
        neutralised[t] = max ? Float.NEGATIVE_INFINITY : 0f;
      }
    }
    int reach = op.scoring().poolWidth() / 2;
    float[] pooled = new float[scores.length];
    for (int t = 0; t < scores.length; t++) {
      int from = Math.max(t - reach, 0);
      int to = (int) Math.min((long) t + reach, scores.length - 1);
      boolean atEdge = (long) t - reach < 0 || (long) t + reach >= scores.length;
      float[] neighbours = Arrays.copyOfRange(neutralised, from, to + 1);
      pooled[t] = max ? largest(neighbours, atEdge) : mean(neighbours);
    }
    return pooled;
  }

  /** The largest number; places outside, which count as -inf, turn a NaN into -inf. */
  private static float largest(float[] neighbours, boolean atEdge) {
    float max = atEdge ? Float.NEGATIVE_INFINITY : Float.NaN;
    for (float neighbour : neighbours) {
      max = CanonicalMath.maxNumber(max, neighbour);
    }
    return max;
  }

  /** The sum in rising order over the whole pooling width; places outside add nothing. */
  private float mean(float[] neighbours) {
    float sum = 0f;
    for (float neighbour : neighbours) {
      sum += neighbour;
    }
    return sum / op.scoring().poolWidth();
  }
}
