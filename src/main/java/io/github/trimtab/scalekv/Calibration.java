package io.github.trimtab.scalekv;

import java.util.Map;
import java.util.Set;

/**
 * From a measured selectivity index to a budget rule (ScaleKV section 3.1): the layers whose index
 * is lowest become drafters, at each scale that has a budget.
 *
 * <p>{@code rule(count, window).released()} is then the budget table.
 *
 * @param schedule the model's maps
 * @param index of every scale that has a budget, all layers
 * @param uniform tokens a layer on average, 1 or more
 */
public record Calibration(Schedule schedule, SelectivityIndex index, int uniform) {
  /** Checks that the index has the schedule's scales. */
  public Calibration {
    if (index.scales() != schedule.scales()) {
      throw new IllegalArgumentException(
          "index: "
              + index.scales()
              + " scales, expected "
              + schedule.scales()
              + " as the schedule has");
    }
    if (uniform < 1) {
      throw new IllegalArgumentException("uniform: " + uniform + ", expected 1 or more");
    }
  }

  /** N_d where none is given, by {@link SelectivityIndex#drafterCount}. */
  public int drafterCount() {
    return index.drafterCount(BudgetRule.firstScale(schedule, uniform));
  }

  /**
   * Drafters by scale number: the {@code count} pairs of layer and scale with the smallest
   * Z-scores, among the scales that have a budget.
   */
  public Map<Integer, Set<Integer>> drafters(int count) {
    return index.drafters(BudgetRule.firstScale(schedule, uniform), count);
  }

  /**
   * The rule that makes the table, with the default floor.
   *
   * @param count N_d, for example {@link #drafterCount}
   * @param window tokens of the observation window
   */
  public BudgetRule rule(int count, int window) {
    return new BudgetRule(schedule, index.layers(), uniform, drafters(count), window);
  }
}
