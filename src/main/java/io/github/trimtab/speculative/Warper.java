package io.github.trimtab.speculative;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Applies a {@link Warping} to rows of logits, in place. The result sums to 1 up to the rounding of
 * its elements.
 *
 * <p>Threads: one at a time; scratch grows to the largest row and stays.
 */
public final class Warper {
  private final Warping warping;
  private long[] keys = new long[0];

  /** A warper for one way of sampling. */
  public Warper(Warping warping) {
    this.warping = warping;
  }

  /** What this warper applies. */
  public Warping warping() {
    return warping;
  }

  /**
   * Makes probabilities of logits {@code row[from..from+n)}.
   *
   * @param seen ids that the text already has, for the repetition penalty
   * @throws IllegalArgumentException if a logit is NaN or +infinity, or all are -infinity
   */
  public void apply(float[] row, int from, int n, BitSet seen) {
    int highest = likeliest(row, from, n, seen);
    if (warping.isGreedy()) {
      Arrays.fill(row, from, from + n, 0f);
      row[from + highest] = 1f;
      return;
    }
    if (warping.topK() > 0 && warping.topK() < n) {
      keepHighest(row, from, n, warping.topK());
    }
    double sum = exponentials(row, from, n, row[from + highest]);
    if (warping.topP() < 1) {
      sum = keepNucleus(row, from, n, sum);
    }
    for (int i = from; i < from + n; i++) {
      row[i] = (float) (row[i] / sum);
    }
  }

  /** Applies the penalty alone and returns the place of the highest logit, with the same errors. */
  int likeliest(float[] row, int from, int n, BitSet seen) {
    if (warping.repetitionPenalty() != 1) {
      penalise(row, from, n, seen);
    }
    return highest(row, from, n);
  }

  private void penalise(float[] row, int from, int n, BitSet seen) {
    float penalty = warping.repetitionPenalty();
    for (int id = seen.nextSetBit(0); id >= 0 && id < n; id = seen.nextSetBit(id + 1)) {
      float logit = row[from + id];
      row[from + id] = logit > 0 ? logit / penalty : logit * penalty;
    }
  }

  private static int highest(float[] row, int from, int n) {
    int highest = 0;
    for (int id = 0; id < n; id++) {
      float logit = row[from + id];
      if (!(logit < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "logits[" + id + "]: " + logit + ", expected a finite number or -infinity");
      }
      highest = logit > row[from + highest] ? id : highest;
    }
    if (n == 0 || row[from + highest] == Float.NEGATIVE_INFINITY) {
      throw new IllegalArgumentException(
          "logits: none of " + n + " is above -infinity, expected one or more");
    }
    return highest;
  }

  /** Sets all but the {@code keep} highest logits to -infinity. */
  private void keepHighest(float[] row, int from, int n, int keep) {
    long[] heap = keys(keep);
    for (int id = 0; id < keep; id++) {
      heap[id] = key(row[from + id], id);
    }
    for (int i = keep / 2 - 1; i >= 0; i--) {
      sink(heap, i, keep);
    }
    for (int id = keep; id < n; id++) {
      long key = key(row[from + id], id);
      if (key > heap[0]) {
        heap[0] = key;
        sink(heap, 0, keep);
      }
    }
    for (int id = 0; id < n; id++) {
      if (key(row[from + id], id) < heap[0]) {
        row[from + id] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  /** Restores the order of a heap whose least element is first, from {@code i} down. */
  private static void sink(long[] heap, int i, int size) {
    while (2 * i + 1 < size) {
      int child = 2 * i + 1;
      if (child + 1 < size && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[i] <= heap[child]) {
        return;
      }
      long swapped = heap[i];
      heap[i] = heap[child];
      heap[child] = swapped;
      i = child;
    }
  }

  /** Replaces logits by exp((logit - highest) / temperature) and returns their sum. */
  private double exponentials(float[] row, int from, int n, float highest) {
    double sum = 0;
    for (int i = from; i < from + n; i++) {
      row[i] = (float) Math.exp(((double) row[i] - highest) / warping.temperature());
      sum += row[i];
    }
    return sum;
  }

  /** Sets all but the nucleus to 0 and returns its sum. */
  private double keepNucleus(float[] row, int from, int n, double sum) {
    double wanted = warping.topP() * sum;
    // Smaller masses make up less than half of what may be dropped, so none is in the nucleus.
    double least = (sum - wanted) / n / 2;
    long[] candidates = keys(n);
    int count = 0;
    for (int id = 0; id < n; id++) {
      if (row[from + id] >= least) {
        candidates[count++] = key(row[from + id], id);
      }
    }
    Arrays.sort(candidates, 0, count);
    double mass = 0;
    int last = count;
    while (last > 0 && mass < wanted) {
      mass += row[from + id(candidates[--last])];
    }
    for (int id = 0; id < n; id++) {
      if (key(row[from + id], id) < candidates[last]) {
        row[from + id] = 0f;
      }
    }
    return mass;
  }

  private long[] keys(int size) {
    if (keys.length < size) {
      keys = new long[size];
    }
    return keys;
  }

  /** A key that orders by value and then, of equals, the lower id last. */
  private static long key(float value, int id) {
    int bits = Float.floatToRawIntBits(value + 0f);
    return ((long) (bits ^ ((bits >> 31) & Integer.MAX_VALUE)) << 32) | (Integer.MAX_VALUE - id);
  }

  private static int id(long key) {
    return Integer.MAX_VALUE - (int) key;
  }
}
