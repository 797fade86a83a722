package io.github.trimtab.scalekv;

import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.Scoring;
import java.util.Map;
import java.util.TreeMap;

/**
 * Trimtab's own policy: budgets by what forgetting costs each layer, and tokens chosen by all
 * queries of the map just drawn.
 *
 * <p>Two things differ from ScaleKV. A layer's budget follows the measured rise of the loss when
 * that layer alone forgets ({@link Sensitivity}), not the selectivity of its attention, which a
 * layer that ignores its history shares with one that needs it. And every query of the map has a
 * say, as a softmax weight, instead of a window's few; no token is safe for being in a window.
 *
 * <p>Two ways to make the budgets, both with the sum of a uniform budget: {@link #favouring} needs
 * to know no more than which layers are sensitive, and {@link #leastLoss} divides by the price.
 */
public final class SensitivityKv {
  private SensitivityKv() {}

  /**
   * The policy for given budgets.
   *
   * @param scale multiplies q.k
   */
  public static ScaleKv policy(Schedule schedule, Budgets budgets, float scale) {
    return new ScaleKv(schedule, budgets, Observation.allQueries(), scoring(scale));
  }

  /**
   * Softmax weights of all queries as they are: what is pooled is a window's noise.
   *
   * @param scale multiplies q.k
   */
  public static Scoring scoring(float scale) {
    return new Scoring(Scoring.Mode.SOFTMAX, scale, Mask.NONE, Scoring.Pooling.NONE, 1);
  }

  /**
   * Several times the uniform budget for the most sensitive layers of each scale; the others share
   * what is left.
   *
   * @param uniform tokens a layer and head on average
   * @param count layers to favour at each scale
   * @param factor how many times the uniform budget they get at most, 1 or more
   * @param floor least tokens of the other layers, 1 to {@code uniform}
   */
  public static BudgetTable favouring(
      Schedule schedule, int uniform, Sensitivity sensitivity, int count, int factor, int floor) {
    require(schedule, sensitivity);
    BudgetRule rule =
        new BudgetRule(
            schedule,
            sensitivity.layers(),
            uniform,
            sensitivity.mostSensitive(count),
            Math.min(1, floor),
            floor);
    return rule.favoured(factor);
  }

  /**
   * The budgets of least predicted loss: at each scale every layer starts with the floor, and each
   * further token goes where it takes most from the sum of the layers' rises.
   *
   * <p>Costs of layers are taken to add up, and costs to be convex in the tokens where they are not
   * measured to be. No layer gets more than it can hold, which is what it held and the last map.
   *
   * @param uniform tokens a layer and head on average
   * @param floor least tokens of a layer, 1 to {@code uniform}
   */
  public static CapacityTable leastLoss(
      Schedule schedule, int uniform, Sensitivity sensitivity, int floor) {
    require(schedule, sensitivity);
    if (floor < 1 || floor > uniform) {
      throw new IllegalArgumentException("floor: " + floor + ", expected 1.." + uniform);
    }
    LeastLoss allocation = new LeastLoss(schedule, uniform, sensitivity, floor);
    return CapacityTable.byLayer(schedule, sensitivity.layers(), uniform, allocation::next);
  }

  /**
   * The same for heads instead of layers: a layer's heads need their history as little alike as
   * layers do.
   *
   * @param uniform tokens a layer and head on average
   * @param sensitivity of every head, as if it were a layer: layer x heads + head
   * @param heads key/value heads of a layer; pages must hold one head each
   * @param floor least tokens of a head, 1 to {@code uniform}
   */
  public static CapacityTable leastLossOfHeads(
      Schedule schedule, int uniform, Sensitivity sensitivity, int heads, int floor) {
    if (heads < 1 || sensitivity.layers() % heads != 0) {
      throw new IllegalArgumentException(
          "heads: " + heads + ", expected a divisor of the " + sensitivity.layers() + " measured");
    }
    CapacityTable apart = leastLoss(schedule, uniform, sensitivity, floor);
    Map<Integer, int[][]> rows = new TreeMap<>();
    for (int scale : apart.scales()) {
      int[][] row = new int[sensitivity.layers() / heads][heads];
      for (int part = 0; part < sensitivity.layers(); part++) {
        row[part / heads][part % heads] = apart.capacity(scale, part, 0);
      }
      rows.put(scale, row);
    }
    return new CapacityTable(sensitivity.layers() / heads, heads, rows);
  }

  private static void require(Schedule schedule, Sensitivity sensitivity) {
    if (sensitivity.scales() != schedule.scales()) {
      throw new IllegalArgumentException(
          "sensitivity: "
              + sensitivity.scales()
              + " scales, expected "
              + schedule.scales()
              + " as the schedule has");
    }
  }
}
