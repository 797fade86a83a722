package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.NavigableMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.function.IntFunction;

/** Any capacity for each scale, layer and, where heads differ, head. Immutable. */
public final class CapacityTable implements Budgets {
  private final int layers;
  private final int heads;
  private final NavigableMap<Integer, int[][]> rows = new TreeMap<>();

  /**
   * A table of given capacities.
   *
   * @param layers 1 or more
   * @param heads key/value heads, or 1 where all heads of a layer have the same capacity
   * @param rows capacities [layer][head] by scale number; may be empty
   */
  public CapacityTable(int layers, int heads, Map<Integer, int[][]> rows) {
    require(layers >= 1, "layers", layers, "1 or more");
    require(heads >= 1, "heads", heads, "1 or more");
    this.layers = layers;
    this.heads = heads;
    for (Map.Entry<Integer, int[][]> row : rows.entrySet()) {
      require(row.getKey() >= 1, "scale", row.getKey(), "a number from 1");
      this.rows.put(row.getKey(), checked(row.getKey(), row.getValue()));
    }
  }

  private int[][] checked(int scale, int[][] row) {
    String name = "capacities of scale " + scale;
    require(row.length == layers, name, row.length + " layers", "" + layers);
    int[][] copy = new int[layers][];
    for (int layer = 0; layer < layers; layer++) {
      copy[layer] = row[layer].clone();
      String place = name + ", layer " + layer;
      require(copy[layer].length == heads, place, copy[layer].length + " heads", "" + heads);
      for (int capacity : copy[layer]) {
        require(capacity >= 0, place, capacity, "0 or more");
      }
    }
    return copy;
  }

  /**
   * The same capacity for every layer, at every scale whose history exceeds it.
   *
   * @param tokens a layer and head, 1 or more
   */
  public static CapacityTable uniform(Schedule schedule, int layers, int tokens) {
    require(layers >= 1, "layers", layers, "1 or more");
    require(tokens >= 1, "tokens", tokens, "1 or more");
    int[] capacities = new int[layers];
    Arrays.fill(capacities, tokens);
    return byLayer(schedule, layers, tokens, scale -> capacities);
  }

  /**
   * Capacities that fall with depth (PyramidKV, arXiv 2406.02069): the last layer gets {@code
   * tokens / steepness}, the first as much more than {@code tokens} as the last gets less, and
   * those between fall evenly; rounded so that the sum is exactly {@code layers x tokens}.
   *
   * @param tokens a layer and head on average, at least {@code floor}
   * @param steepness 1 or more; the paper's beta, 20 in its experiments
   * @param floor least tokens of a layer; the observation window must fit
   */
  public static CapacityTable pyramid(
      Schedule schedule, int layers, int tokens, double steepness, int floor) {
    require(layers >= 1, "layers", layers, "1 or more");
    require(tokens >= 1, "tokens", tokens, "1 or more");
    require(steepness >= 1, "steepness", steepness, "1 or more");
    require(floor >= 0 && floor <= tokens, "floor", floor, "0.." + tokens);
    double last = Math.max(tokens / steepness, floor);
    double first = 2.0 * tokens - last;
    int[] capacities = new int[layers];
    double exact = 0;
    long given = 0;
    for (int layer = 0; layer < layers; layer++) {
      // Rounding the running sum keeps every partial sum, and so the total, within half a token.
      exact += layers == 1 ? tokens : first + (last - first) * layer / (layers - 1);
      capacities[layer] = Math.toIntExact(Math.round(exact) - given);
      given += capacities[layer];
    }
    return byLayer(schedule, layers, tokens, scale -> capacities);
  }

  /** Rows for the scales whose history exceeds a budget, the same for all heads. */
  static CapacityTable byLayer(
      Schedule schedule, int layers, int uniform, IntFunction<int[]> capacities) {
    Map<Integer, int[][]> rows = new TreeMap<>();
    for (int scale = 2; scale <= schedule.scales(); scale++) {
      if (schedule.history(scale - 1) > uniform) {
        int[] row = capacities.apply(scale);
        int[][] column = new int[layers][];
        Arrays.setAll(column, layer -> new int[] {row[layer]});
        rows.put(scale, column);
      }
    }
    return new CapacityTable(layers, 1, rows);
  }

  @Override
  public int layers() {
    return layers;
  }

  @Override
  public int heads() {
    return heads;
  }

  @Override
  public SortedSet<Integer> scales() {
    return Collections.unmodifiableSortedSet(rows.navigableKeySet());
  }

  @Override
  public int capacity(int scale, int layer, int head) {
    require(scale >= 1, "scale", scale, "a number from 1");
    require(layer >= 0 && layer < layers, "layer", layer, "0.." + (layers - 1));
    require(head >= 0 && head < heads, "head", head, "0.." + (heads - 1));
    int[][] row = rows.get(scale);
    return row == null ? UNLIMITED : row[layer][head];
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("CapacityTable[");
    rows.forEach((scale, row) ->
        text.append(scale).append(": ").append(Arrays.deepToString(row)).append(' '));
    return text.append(']').toString();
  }
}
