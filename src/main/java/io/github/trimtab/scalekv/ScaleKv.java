package io.github.trimtab.scalekv;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.Retention;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/**
 * The ScaleKV policy and its like: after a scale's attention, a layer keeps as many tokens as its
 * budget grants the history of the next scale, chosen by queries of the map just drawn.
 *
 * <p>ScaleKV itself observes with an {@link ObservationWindow} and has a {@link BudgetTable};
 * SnapKV and PyramidKV are other observations and budgets ({@link Policies}).
 *
 * <p>A layer within its budget keeps everything, and the last scale is never stored. Steps of the
 * cache are scales from 0, budgets name scales by numbers from 1: the budget of scale number r is
 * what its history may hold, so it is carried out behind the scale before, in step r - 2. Budgets
 * of single heads need pages of one head. Immutable.
 */
public final class ScaleKv implements EvictionPolicy {
  private final Schedule schedule;
  private final Budgets budgets;
  // By step and layer.
  private final Retention[][] retentions;

  /**
   * Checks that the budgets fit the schedule and every budget what the observation keeps.
   *
   * @param schedule the model's maps
   * @param budgets tokens that each layer's history may have; scales without any keep everything
   * @param observation whose queries score, and what stays
   * @param scoring from {@link ScoringMode#scoring}, or another
   */
  public ScaleKv(Schedule schedule, Budgets budgets, Observation observation, Scoring scoring) {
    this.schedule = schedule;
    this.budgets = budgets;
    this.retentions = new Retention[schedule.scales()][budgets.layers()];
    for (Retention[] step : retentions) {
      Arrays.fill(step, new Retention.All());
    }
    for (int scale : budgets.scales()) {
      if (scale < 2 || scale > schedule.scales()) {
        throw new IllegalArgumentException(
            "budgets: a row for scale number "
                + scale
                + ", expected 2.."
                + schedule.scales()
                + " as the schedule has");
      }
      int step = scale - 2;
      int[] queries = observation.queries(schedule.height(step), schedule.width(step));
      int[] kept = observation.kept(schedule.height(step), schedule.width(step));
      Retention.Scored scored = new Retention.Scored(queries, kept, scoring, kept.length);
      for (int layer = 0; layer < budgets.layers(); layer++) {
        retentions[step][layer] = scored.withCapacities(capacities(scale, layer, kept.length));
      }
    }
    Arrays.fill(retentions[schedule.scales() - 1], new Retention.History());
  }

  private int[] capacities(int scale, int layer, int kept) {
    int[] capacities = new int[budgets.heads()];
    for (int head = 0; head < capacities.length; head++) {
      capacities[head] = budgets.capacity(scale, layer, head);
      if (capacities[head] < kept) {
        throw new IllegalArgumentException(
            "budget of scale number "
                + scale
                + ", layer "
                + layer
                + (capacities.length == 1 ? "" : ", head " + head)
                + ": "
                + capacities[head]
                + ", expected at least the window's "
                + kept
                + " tokens");
      }
    }
    return capacities;
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
    return retentions[step][layer];
  }

  @Override
  public void store(KvCache cache, int layer, int[] steps, Tensor q, NewTokens fresh) {
    if (cache.layers() != budgets.layers()) {
      throw new IllegalArgumentException(
          "budgets: "
              + budgets.layers()
              + " layers, expected "
              + cache.layers()
              + " as the cache has");
    }
    EvictionPolicy.super.store(cache, layer, steps, q, fresh);
  }
}
