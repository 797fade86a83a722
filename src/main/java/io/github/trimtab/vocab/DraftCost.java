package io.github.trimtab.vocab;

import java.util.function.IntToDoubleFunction;

/** What a draft step costs by the rows of its head, as a share of what a target step costs. */
public final class DraftCost {
  private DraftCost() {}

  /**
   * By weights, as MBSU counts: both models are bound by reading them.
   *
   * @param draftWeights weights of the draft model with its full head
   * @param targetWeights weights of the target
   * @param vocabularySize rows of the full head
   * @param width weights a row
   */
  public static IntToDoubleFunction ofWeights(
      long draftWeights, long targetWeights, int vocabularySize, int width) {
    long head = (long) vocabularySize * width;
    if (targetWeights < 1 || draftWeights < head || width < 1) {
      throw new IllegalArgumentException(
          "weights: draft "
              + draftWeights
              + ", target "
              + targetWeights
              + ", expected a target and a draft of at least its head's "
              + head);
    }
    return k -> (double) (draftWeights - (long) (vocabularySize - k) * width) / targetWeights;
  }

  /**
   * By measured times; between two sizes the head's time is on the line through them, outside it is
   * the nearest one's.
   *
   * @param rows sizes of the head, ascending
   * @param seconds what a head of each size takes
   * @param body seconds that the rest of a draft step takes
   * @param target seconds that a target step takes
   */
  public static IntToDoubleFunction ofSeconds(
      int[] rows, double[] seconds, double body, double target) {
    if (rows.length == 0 || rows.length != seconds.length || !(body >= 0) || !(target > 0)) {
      throw new IllegalArgumentException(
          "latencies: "
              + rows.length
              + " sizes, "
              + seconds.length
              + " times, body "
              + body
              + ", target "
              + target
              + ", expected a time for each size, a body of 0 or more and a target above 0");
    }
    for (int i = 0; i < rows.length; i++) {
      if (!(seconds[i] >= 0) || (i > 0 && rows[i] <= rows[i - 1])) {
        throw new IllegalArgumentException(
            "latency of "
                + rows[i]
                + " rows: "
                + seconds[i]
                + ", expected 0 or more, and rising sizes");
      }
    }
    int[] sizes = rows.clone();
    double[] times = seconds.clone();
    return k -> (body + at(sizes, times, k)) / target;
  }

  private static double at(int[] rows, double[] seconds, int k) {
    int next = 0;
    while (next < rows.length && rows[next] < k) {
      next++;
    }
    if (next == 0 || next == rows.length) {
      return seconds[Math.min(next, rows.length - 1)];
    }
    double share = (double) (k - rows[next - 1]) / (rows[next] - rows[next - 1]);
    return seconds[next - 1] + share * (seconds[next] - seconds[next - 1]);
  }
}
