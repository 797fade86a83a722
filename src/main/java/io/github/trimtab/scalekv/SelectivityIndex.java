package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The attention selectivity index of every layer at every scale, averaged over prompts, and the
 * drafters that it names (ScaleKV section 3.1, Eqs. 2 and 3).
 *
 * <p>A low index is a layer that spreads its attention over the history. Scale numbers count from 1
 * as in budget tables: the index of number r is that of the map r, which attends to the scales
 * before it. One thread at a time.
 */
public final class SelectivityIndex {
  /** Where the index of a scale is this many standard deviations low, its layer is a drafter. */
  public static final double OUTLIER = -1.5;

  private static final double EPSILON = 1e-12;

  /** A layer at a scale, and how far its index lies from that of the scale's other layers. */
  private record Pair(int scale, int layer, double z) {}

  private final int scales;
  private final int layers;
  private final double[] sums;
  private final int[] counts;

  /** An index without observations. */
  public SelectivityIndex(int scales, int layers) {
    require(scales >= 1, "scales", scales, "1 or more");
    require(layers >= 1, "layers", layers, "1 or more");
    require((long) scales * layers < 1 << 24, "scales x layers", scales + " x " + layers, "< 2^24");
    this.scales = scales;
    this.layers = layers;
    sums = new double[scales * layers];
    counts = new int[scales * layers];
  }

  /** Scales. */
  public int scales() {
    return scales;
  }

  /** Layers. */
  public int layers() {
    return layers;
  }

  /**
   * Adds what one prompt showed.
   *
   * @param scale number from 1
   * @param selectivity product of the two expectations, in [0, 1] but for rounding
   */
  public void add(int scale, int layer, double selectivity) {
    int at = place(scale, layer);
    require(
        selectivity >= 0 && selectivity <= 1.001,
        "selectivity of scale number " + scale + ", layer " + layer,
        selectivity,
        "0 to 1");
    sums[at] += selectivity;
    counts[at]++;
  }

  /**
   * The mean over the prompts.
   *
   * @throws IllegalStateException if nothing was added for this scale and layer
   */
  public double mean(int scale, int layer) {
    int at = place(scale, layer);
    if (counts[at] == 0) {
      throw new IllegalStateException(
          "scale number " + scale + ", layer " + layer + ": not observed, expected an index");
    }
    return sums[at] / counts[at];
  }

  /**
   * Standard deviations by which the mean lies above that of the scale's layers (Eq. 3; the
   * deviation of the population). 0 where all layers are alike.
   */
  public double zScore(int scale, int layer) {
    double sum = 0;
    for (int i = 0; i < layers; i++) {
      sum += mean(scale, i);
    }
    double center = sum / layers;
    double squares = 0;
    for (int i = 0; i < layers; i++) {
      double distance = mean(scale, i) - center;
      squares += distance * distance;
    }
    return (mean(scale, layer) - center) / (Math.sqrt(squares / layers) + EPSILON);
  }

  /**
   * The {@code count} pairs of scale and layer with the smallest Z-scores; equal ones in rising
   * order of scale, then layer.
   *
   * @param firstScale number of the first scale that may have drafters: those before it keep
   *     everything in every layer; one past the last if there is none
   * @param count N_d, 0 to all pairs of these scales
   * @return layers by scale number
   */
  public Map<Integer, Set<Integer>> drafters(int firstScale, int count) {
    List<Pair> pairs = pairs(firstScale);
    require(count >= 0 && count <= pairs.size(), "count", count, "0 to " + pairs.size() + " pairs");
    Map<Integer, Set<Integer>> drafters = new TreeMap<>();
    for (Pair pair : pairs.subList(0, count)) {
      drafters.computeIfAbsent(pair.scale(), _ -> new TreeSet<>()).add(pair.layer());
    }
    return drafters;
  }

  /**
   * An N_d for {@link #drafters} where none is given, since the paper states none: the pairs whose
   * Z-score lies below {@link #OUTLIER}, but at least one. The normal distribution has 6.7 % of its
   * mass there; the released tables make 5.6 % and 7.5 % of their pairs drafters.
   */
  public int drafterCount(int firstScale) {
    List<Pair> pairs = pairs(firstScale);
    long outliers = pairs.stream().filter(pair -> pair.z() < OUTLIER).count();
    return Math.min(pairs.size(), (int) Math.max(outliers, 1));
  }

  /** All pairs from a scale number on, the lowest Z-score first. */
  private List<Pair> pairs(int firstScale) {
    require(
        firstScale >= 1 && firstScale <= scales + 1, "firstScale", firstScale, rangeOfScales(1));
    List<Pair> pairs = new ArrayList<>();
    for (int scale = firstScale; scale <= scales; scale++) {
      for (int layer = 0; layer < layers; layer++) {
        pairs.add(new Pair(scale, layer, zScore(scale, layer)));
      }
    }
    pairs.sort(Comparator.comparingDouble(Pair::z)); // stable, so ties keep their order
    return pairs;
  }

  private int place(int scale, int layer) {
    require(scale >= 1 && scale <= scales, "scale number", scale, rangeOfScales(0));
    require(layer >= 0 && layer < layers, "layer", layer, "0.." + (layers - 1));
    return (scale - 1) * layers + layer;
  }

  private String rangeOfScales(int past) {
    return "1.." + (scales + past);
  }
}
