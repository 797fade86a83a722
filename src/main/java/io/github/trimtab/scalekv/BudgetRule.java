package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The rules that make a budget table: the one behind the released tables, the paper's, and one with
 * a limit to what drafters get.
 *
 * <p>All give a row to each scale number r (from 1) whose history, the tokens of scales 1 to r - 1,
 * exceeds the uniform budget B, and hold each row's mean at B (up to rounding down). A row without
 * drafters, or with drafters only, gives every layer B.
 *
 * @param schedule tokens of each scale
 * @param layers of the model, 1 or more
 * @param uniform B: tokens a layer on average; at least the window and at most what a list counts
 * @param drafters layers that are drafters, by scale number; rows that are not named have none
 * @param window tokens of the observation window, which every budget must hold
 * @param floor least tokens of a refiner, from the window to B
 */
public record BudgetRule(
    Schedule schedule,
    int layers,
    int uniform,
    Map<Integer, Set<Integer>> drafters,
    int window,
    int floor) {
  /** Checks each component against the others. */
  public BudgetRule {
    require(layers >= 1, "layers", layers, "1 or more");
    require(window >= 0, "window", window, "0 or more");
    require(uniform >= 1, "uniform", uniform, "1 or more");
    require(
        (long) layers * uniform <= Integer.MAX_VALUE,
        "uniform",
        uniform,
        "fewer than 2^31 tokens over " + layers + " layers");
    require(uniform >= window, "uniform", uniform, "at least the window's " + window + " tokens");
    require(floor >= window, "floor", floor, "at least the window's " + window + " tokens");
    require(floor <= uniform, "floor", floor, "at most the uniform budget, " + uniform);
    drafters =
        drafters.entrySet().stream()
            .collect(
                Collectors.toUnmodifiableMap(Map.Entry::getKey, row -> Set.copyOf(row.getValue())));
    for (Map.Entry<Integer, Set<Integer>> entry : drafters.entrySet()) {
      int scale = entry.getKey();
      require(
          scale >= 1 && scale <= schedule.scales(),
          "drafters",
          "scale number " + scale,
          "1.." + schedule.scales());
      for (int layer : entry.getValue()) {
        require(
            layer >= 0 && layer < layers,
            "drafters of scale number " + scale,
            "layer " + layer,
            "0.." + (layers - 1));
      }
    }
  }

  /** A rule with the default floor. */
  public BudgetRule(
      Schedule schedule, int layers, int uniform, Map<Integer, Set<Integer>> drafters, int window) {
    this(schedule, layers, uniform, drafters, window, defaultFloor(uniform, window));
  }

  /**
   * The first scale number whose history exceeds a uniform budget, which is the first row's; one
   * past the last if there is none.
   */
  public static int firstScale(Schedule schedule, int uniform) {
    int scale = 1;
    while (scale <= schedule.scales() && schedule.history(scale - 1) <= uniform) {
      scale++;
    }
    return scale;
  }

  /** The smaller of 200 and B / 3, but at least the window. */
  public static int defaultFloor(int uniform, int window) {
    return Math.max(Math.min(200, uniform / 3), window);
  }

  /**
   * The rule behind the released tables: drafters keep what they hold as far as the refiners' share
   * stays whole, and the refiners share the rest evenly; where a refiner would fall below the floor
   * it gets the floor, and the drafters share the rest, rounded down.
   */
  public BudgetTable released() {
    return favoured(Integer.MAX_VALUE);
  }

  /**
   * The released rule with a limit of its own: drafters get at most {@code factor} times the
   * uniform budget, and the refiners share the rest. For drafters that are the layers which forget
   * at the highest price ({@link SensitivityKv}).
   *
   * @param factor 1 or more
   */
  public BudgetTable favoured(int factor) {
    require(factor >= 1, "factor", factor, "1 or more");
    List<BudgetTable.Row> rows = new ArrayList<>();
    long limit = 0;
    for (int scale = firstScale(schedule, uniform); scale <= schedule.scales(); scale++) {
      limit = rows.isEmpty() ? history(scale) : limit + schedule.tokens(scale - 2);
      long max = uniform;
      long min = uniform;
      long count = drafters(scale).size();
      long refiners = layers - count;
      if (count > 0 && refiners > 0) {
        max = Math.min(limit, (long) factor * uniform);
        while (Math.floorMod(layers * (long) uniform - count * max, refiners) != 0) {
          max--;
        }
        min = (layers * (long) uniform - count * max) / refiners;
        if (min < floor) {
          min = floor;
          max = drafterShare(count, min);
        }
      }
      rows.add(row(scale, max, min, limit));
      limit = max;
    }
    return new BudgetTable(layers, rows);
  }

  /**
   * The paper's Eq. 4: refiners get {@code br0 - delta * k} tokens, k counting the rows from 0, but
   * no less than the floor, and the drafters share the rest, rounded down. A drafter's budget may
   * exceed what it can hold.
   *
   * @param br0 a refiner's tokens in the first row, 0 or more; not so many that the drafters' share
   *     falls below the window
   * @param delta by how much they fall from row to row, 0 or more
   */
  public BudgetTable paper(int br0, int delta) {
    require(br0 >= 0, "br0", br0, "0 or more");
    require(delta >= 0, "delta", delta, "0 or more");
    List<BudgetTable.Row> rows = new ArrayList<>();
    long limit = 0;
    for (int scale = firstScale(schedule, uniform); scale <= schedule.scales(); scale++) {
      limit = rows.isEmpty() ? history(scale) : limit + schedule.tokens(scale - 2);
      long max = uniform;
      long min = uniform;
      long count = drafters(scale).size();
      if (count > 0 && count < layers) {
        min = Math.max(floor, br0 - (long) delta * rows.size());
        max = drafterShare(count, min);
        require(
            max >= window,
            "br0",
            br0,
            "fewer tokens: it leaves "
                + max
                + " to each drafter, less than the window's "
                + window);
      }
      rows.add(row(scale, max, min, limit));
      limit = Math.min(limit, max);
    }
    return new BudgetTable(layers, rows);
  }

  /** What each of {@code count} drafters gets when every refiner has {@code min}. */
  private long drafterShare(long count, long min) {
    return (layers * (long) uniform - (layers - count) * min) / count;
  }

  private int history(int scale) {
    return schedule.history(scale - 1);
  }

  private Set<Integer> drafters(int scale) {
    return drafters.getOrDefault(scale, Set.of());
  }

  private BudgetTable.Row row(int scale, long max, long min, long limit) {
    List<LayerRole> roles = new ArrayList<>(Collections.nCopies(layers, LayerRole.REFINER));
    for (int layer : drafters(scale)) {
      roles.set(layer, LayerRole.DRAFTER);
    }
    return new BudgetTable.Row(
        scale,
        roles,
        drafters(scale).size(),
        Math.toIntExact(max),
        Math.toIntExact(min),
        Math.toIntExact(limit));
  }
}
