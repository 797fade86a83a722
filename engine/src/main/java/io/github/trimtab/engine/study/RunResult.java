package io.github.trimtab.engine.study;

import io.github.trimtab.scalekv.Schedule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a run measured on all items of a set.
 *
 * @param set which items
 * @param id of the run
 * @param policy its name
 * @param tokens budget: tokens a layer and head on average
 * @param pages format of keys and values in pages
 * @param each by measure: a value for each item, in the items' order; where there is a value for
 *     each scale, their mean weighted by the scales' tokens
 * @param scales by measure that has a value for each scale: the items' statistic at each scale
 */
public record RunResult(
    String set,
    String id,
    String policy,
    int tokens,
    String pages,
    Map<String, double[]> each,
    Map<String, List<Statistic>> scales) {

  /** Keeps the maps' order. */
  public RunResult {
    each = new LinkedHashMap<>(each);
    scales = new LinkedHashMap<>(scales);
  }

  /**
   * Sums up measurements.
   *
   * @param measurements of one run, in the items' order, one or more
   */
  static RunResult of(Run run, Schedule schedule, List<Measurement> measurements) {
    Map<String, double[]> each = new LinkedHashMap<>();
    Map<String, List<Statistic>> scales = new LinkedHashMap<>();
    for (String name : measurements.getFirst().values().keySet()) {
      double[][] values = new double[measurements.size()][];
      double[] means = new double[values.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = Objects.requireNonNull(measurements.get(i).values().get(name));
        means[i] = values[i].length == 1 ? values[i][0] : weighted(values[i], schedule);
      }
      each.put(name, means);
      if (values[0].length > 1) {
        scales.put(name, byScale(values));
      }
    }
    return new RunResult(
        measurements.getFirst().set(),
        run.id(),
        run.policy(),
        run.tokens(),
        StudyRuns.name(run.pages()),
        each,
        scales);
  }

  private static double weighted(double[] values, Schedule schedule) {
    double sum = 0;
    for (int scale = 0; scale < values.length; scale++) {
      sum += values[scale] * schedule.tokens(scale);
    }
    return sum / schedule.totalTokens();
  }

  private static List<Statistic> byScale(double[][] values) {
    List<Statistic> statistics = new ArrayList<>();
    for (int scale = 0; scale < values[0].length; scale++) {
      double[] each = new double[values.length];
      for (int i = 0; i < each.length; i++) {
        each[i] = values[i][scale];
      }
      statistics.add(Statistic.of(each));
    }
    return statistics;
  }

  /** Whether a measure was taken. */
  public boolean has(String measure) {
    return each.containsKey(measure);
  }

  /**
   * A measure's value for each item.
   *
   * @throws IllegalArgumentException if it was not taken
   */
  public double[] values(String measure) {
    double[] values = each.get(measure);
    if (values == null) {
      throw new IllegalArgumentException(
          "measure of run " + id + ": " + measure + ", expected one of " + each.keySet());
    }
    return values;
  }

  /** A measure over all items. */
  public Statistic statistic(String measure) {
    return Statistic.of(values(measure));
  }
}
