package io.github.trimtab.engine.draftstudy;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A quotient of sums over prompts.
 *
 * @param value of all prompts together
 * @param error its standard error over prompts, by leaving out one at a time (the jackknife); 0 for
 *     one prompt
 */
public record Ratio(double value, double error) {

  /** The same in another unit. */
  Ratio times(double factor) {
    return new Ratio(factor * value, factor * error);
  }

  /** Sum of one quantity over sum of another. */
  static <T> Ratio of(List<T> prompts, ToDoubleFunction<T> above, ToDoubleFunction<T> below) {
    double[] a = prompts.stream().mapToDouble(above).toArray();
    double[] b = prompts.stream().mapToDouble(below).toArray();
    return jackknife(a.length, without -> sum(a, without) / sum(b, without));
  }

  /** Quotient of two cells' quotients on the same prompts. */
  static <T> Ratio ofRatios(
      List<T> prompts, List<T> others, ToDoubleFunction<T> above, ToDoubleFunction<T> below) {
    double[] a = prompts.stream().mapToDouble(above).toArray();
    double[] b = prompts.stream().mapToDouble(below).toArray();
    double[] otherA = others.stream().mapToDouble(above).toArray();
    double[] otherB = others.stream().mapToDouble(below).toArray();
    return jackknife(
        a.length,
        without ->
            sum(a, without) / sum(b, without) / (sum(otherA, without) / sum(otherB, without)));
  }

  /** What a function of all items but one (or of all, -1) says. */
  @FunctionalInterface
  private interface Leaving {
    double one(int without);
  }

  private static Ratio jackknife(int items, Leaving leaving) {
    double value = leaving.one(-1);
    if (items < 2) {
      return new Ratio(value, 0);
    }
    double[] each = new double[items];
    double mean = 0;
    for (int i = 0; i < items; i++) {
      each[i] = leaving.one(i);
      mean += each[i] / items;
    }
    double squares = 0;
    for (double one : each) {
      squares += (one - mean) * (one - mean);
    }
    return new Ratio(value, Math.sqrt(squares * (items - 1) / items));
  }

  private static double sum(double[] values, int without) {
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += i == without ? 0 : values[i];
    }
    return sum;
  }
}
