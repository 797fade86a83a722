package io.github.trimtab.engine.cli;

import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.function.IntPredicate;

/** Plain double-precision computations of one row, written independently of the kernels. */
final class Reference {
  private Reference() {}

  /** Scale times the dot products of a query [row, head, i] with keys [row, group, 0..count). */
  static double[] logits(
      Tensor q, int row, int head, int i, Tensor k, int group, int count, double scale) {
    double[] logits = new double[count];
    for (int t = 0; t < count; t++) {
      for (int d = 0; d < q.size(3); d++) {
        logits[t] +=
            scale
                * q.floatAt(q.offset(row, head, i, d))
                * (double) k.floatAt(k.offset(row, group, t, d));
      }
    }
    return logits;
  }

  /** Softmax over the places that are visible; all zeros if none is. */
  static double[] softmax(double[] logits, IntPredicate visible) {
    double max = Double.NEGATIVE_INFINITY;
    for (int t = 0; t < logits.length; t++) {
      max = visible.test(t) ? Math.max(max, logits[t]) : max;
    }
    double[] weights = new double[logits.length];
    for (int t = 0; t < logits.length; t++) {
      weights[t] = visible.test(t) ? Math.exp(logits[t] - max) : 0;
    }
    double sum = Arrays.stream(weights).sum();
    return sum == 0 ? weights : Arrays.stream(weights).map(w -> w / sum).toArray();
  }

  /** Smooths scores; then -inf in the window's places. */
  static double[] pool(double[] scores, int[] window, boolean max, int width) {
    BitSet inWindow = new BitSet();
    Arrays.stream(window).filter(p -> p >= 0).forEach(inWindow::set);
    double[] pooled = new double[scores.length];
    for (int t = 0; t < scores.length; t++) {
      double best = Double.NEGATIVE_INFINITY;
      double sum = 0;
      for (int j = t - width / 2; j <= t + width / 2; j++) {
        if (j >= 0 && j < scores.length && !inWindow.get(j)) {
          best = Math.max(best, scores[j]);
          sum += scores[j];
        }
      }
      pooled[t] = inWindow.get(t) ? Double.NEGATIVE_INFINITY : max ? best : sum / width;
    }
    return pooled;
  }
}
