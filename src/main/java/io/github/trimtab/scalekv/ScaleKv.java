package io.github.trimtab.scalekv;

import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.Retention;

/**
 * The ScaleKV policy: after a scale's attention, a layer keeps as many tokens as the budget table
 * grants the history of the next scale, chosen by the window queries of the map just drawn.
 *
 * <p>A layer within its budget keeps everything, and the last scale is never stored. Steps of the
 * cache are scales from 0, and all rows stand at the same scale. Immutable.
 */
public final class ScaleKv implements EvictionPolicy {
  private final Schedule schedule;
  private final BudgetTable budgets;
  private final Scoring scoring;
  private final int[][] windows;

  /**
   * Checks that the table fits the schedule and every budget the window.
   *
   * @param schedule the model's maps
   * @param budgets tokens that each layer's history may have; scales without a row keep everything
   * @param window whose queries score
   * @param scoring from {@link ScoringMode#scoring}
   */
  public ScaleKv(
      Schedule schedule, BudgetTable budgets, ObservationWindow window, Scoring scoring) {
    this.schedule = schedule;
    this.budgets = budgets;
    this.scoring = scoring;
    this.windows = new int[schedule.scales()][];
    for (int scale = 0; scale < windows.length; scale++) {
      windows[scale] = window.positions(schedule.height(scale), schedule.width(scale));
    }
    for (BudgetTable.Row row : budgets.rows()) {
      if (row.scale() < 2 || row.scale() > schedule.scales()) {
        throw new IllegalArgumentException(
            "budgets: a row for scale number "
                + row.scale()
                + ", expected 2.."
                + schedule.scales()
                + " as the schedule has");
      }
      int smallest = windows[row.scale() - 2].length;
      for (int layer = 0; layer < budgets.layers(); layer++) {
        if (row.capacity(layer) < smallest) {
          throw new IllegalArgumentException(
              "budget of scale number "
                  + row.scale()
                  + ", layer "
                  + layer
                  + ": "
                  + row.capacity(layer)
                  + ", expected at least the window's "
                  + smallest
                  + " tokens");
        }
      }
    }
  }

  @Override
  public Retention after(int layer, int step, int newTokens) {
    if (newTokens != schedule.tokens(step)) {
      throw new IllegalArgumentException(
          "new tokens of scale "
              + step
              + ": "
              + newTokens
              + ", expected "
              + schedule.tokens(step)
              + " as the schedule has");
    }
    if (layer < 0 || layer >= budgets.layers()) {
      throw new IllegalArgumentException(
          "layer: " + layer + ", expected 0.." + (budgets.layers() - 1) + " as the budgets have");
    }
    if (step == schedule.scales() - 1) {
      return new Retention.History();
    }
    int capacity = budgets.capacity(step + 2, layer);
    return capacity == BudgetTable.UNLIMITED
        ? new Retention.All()
        : new Retention.Scored(windows[step], windows[step], scoring, capacity);
  }
}
