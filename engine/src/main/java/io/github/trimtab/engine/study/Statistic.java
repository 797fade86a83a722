package io.github.trimtab.engine.study;

import java.util.Arrays;

/**
 * A mean over items.
 *
 * @param error its standard error: the sample's standard deviation over the root of its size; 0 for
 *     one item
 */
public record Statistic(double mean, double error) {

  /** Of one value an item, one or more. */
  public static Statistic of(double[] each) {
    double mean = Arrays.stream(each).sum() / each.length;
    double squares = 0;
    for (double value : each) {
      squares += (value - mean) * (value - mean);
    }
    int n = each.length;
    return new Statistic(mean, n == 1 ? 0 : Math.sqrt(squares / (n - 1) / n));
  }

  /** Of the differences between two runs, on the first items that both have. */
  public static Statistic ofDifferences(double[] each, double[] other) {
    double[] differences = new double[Math.min(each.length, other.length)];
    Arrays.setAll(differences, i -> each[i] - other[i]);
    return of(differences);
  }
}
