package io.github.trimtab.benchmarks;

import java.util.Arrays;

/**
 * Median and quartiles of repeated measurements.
 *
 * @param q1 first quartile
 * @param median second quartile
 * @param q3 third quartile
 */
public record Spread(double q1, double median, double q3) {
  /** Quartiles by linear interpolation; {@code values} has at least one element. */
  static Spread of(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return new Spread(quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75));
  }

  private static double quantile(double[] sorted, double fraction) {
    double place = fraction * (sorted.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  Spread times(double factor) {
    return new Spread(q1 * factor, median * factor, q3 * factor);
  }
}
