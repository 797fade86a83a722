package io.github.trimtab.scalekv;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Divides a scale's tokens among layers so that the sum of their predicted rises is least.
 *
 * <p>On the lower convex hulls of the layers' costs, giving the next tokens to the steepest stretch
 * is optimal; only the last stretch given in part may fall between two points of a hull.
 */
final class LeastLoss {
  private final Schedule schedule;
  private final int uniform;
  private final Sensitivity sensitivity;
  private final int floor;
  // What each layer holds when the next scale begins.
  private int[] held;

  LeastLoss(Schedule schedule, int uniform, Sensitivity sensitivity, int floor) {
    this.schedule = schedule;
    this.uniform = uniform;
    this.sensitivity = sensitivity;
    this.floor = floor;
    this.held = new int[sensitivity.layers()];
  }

  /** A stretch of a layer's hull: {@code tokens} that change its cost by {@code slope} each. */
  private record Stretch(int layer, int tokens, double slope) {}

  /** The capacities of a scale number; asked for in rising order from the first that has any. */
  int[] next(int scale) {
    int map = schedule.tokens(scale - 2);
    boolean first = schedule.history(scale - 2) <= uniform;
    int[] limits = new int[held.length];
    for (int layer = 0; layer < limits.length; layer++) {
      limits[layer] = first ? schedule.history(scale - 1) : held[layer] + map;
    }
    held = divide(scale - 1, limits);
    return held;
  }

  private int[] divide(int scale, int[] limits) {
    int[] given = new int[limits.length];
    List<Stretch> stretches = new ArrayList<>();
    for (int layer = 0; layer < limits.length; layer++) {
      given[layer] = Math.min(floor, limits[layer]);
      hull(scale, layer, given[layer], limits[layer], stretches);
    }
    stretches.sort(Comparator.comparingDouble(Stretch::slope));
    long left = (long) uniform * limits.length - Arrays.stream(given).asLongStream().sum();
    for (Stretch stretch : stretches) {
      int tokens = (int) Math.min(left, stretch.tokens);
      given[stretch.layer] += tokens;
      left -= tokens;
    }
    return given;
  }

  /** The lower convex hull of a layer's cost from one number of tokens to another. */
  private void hull(int scale, int layer, int from, int to, List<Stretch> stretches) {
    int[] corners = new int[to - from + 1];
    int count = 0;
    for (int tokens = from; tokens <= to; tokens++) {
      while (count >= 2
          && slope(scale, layer, corners[count - 2], corners[count - 1])
              >= slope(scale, layer, corners[count - 1], tokens)) {
        count--;
      }
      corners[count++] = tokens;
    }
    for (int i = 1; i < count; i++) {
      double slope = slope(scale, layer, corners[i - 1], corners[i]);
      stretches.add(new Stretch(layer, corners[i] - corners[i - 1], slope));
    }
  }

  private double slope(int scale, int layer, int from, int to) {
    double history = schedule.history(scale);
    double rise =
        sensitivity.rise(layer, scale, to / history)
            - sensitivity.rise(layer, scale, from / history);
    return rise / (to - from);
  }
}
