package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What forgetting costs: the rise of a scale's teacher-forced cross-entropy, in nats a token, when
 * the history of one layer alone is cut to a share of its tokens and all other layers see theirs
 * whole. Measured on calibration data at one share or more; a whole history costs nothing.
 * Immutable.
 */
public final class Sensitivity {
  private final double[] shares;
  private final double[][][] rise;

  /**
   * Copies what was measured.
   *
   * @param shares of the history that the cut layer kept, rising, between 0 and 1
   * @param rise in nats a token, [share][layer][scale], scales from 0; finite. A rise below 0 is
   *     noise, and kept as it is.
   */
  public Sensitivity(double[] shares, double[][][] rise) {
    require(shares.length >= 1, "shares", "none", "1 or more");
    require(rise.length == shares.length, "rise", rise.length, shares.length + " as the shares");
    this.shares = shares.clone();
    this.rise = new double[shares.length][][];
    for (int i = 0; i < shares.length; i++) {
      double least = i == 0 ? 0 : shares[i - 1];
      require(
          shares[i] > least && shares[i] < 1,
          "shares[" + i + "]",
          shares[i],
          "above " + least + " and below 1");
      this.rise[i] = checked("rise[" + i + "]", rise[i], rise[0]);
    }
  }

  private static double[][] checked(String name, double[][] table, double[][] first) {
    require(table.length >= 1, name, "no layer", "1 or more");
    require(table.length == first.length, name, table.length + " layers", "" + first.length);
    double[][] copy = new double[table.length][];
    for (int layer = 0; layer < table.length; layer++) {
      copy[layer] = table[layer].clone();
      String place = name + "[" + layer + "]";
      require(
          copy[layer].length == first[0].length,
          place,
          copy[layer].length + " scales",
          "" + first[0].length);
      for (double nats : copy[layer]) {
        require(Double.isFinite(nats), place, nats, "finite numbers");
      }
    }
    return copy;
  }

  /** Measured at one share of the history. */
  public static Sensitivity at(double share, double[][] rise) {
    return new Sensitivity(new double[] {share}, new double[][][] {rise});
  }

  /** Layers. */
  public int layers() {
    return rise[0].length;
  }

  /** Scales. */
  public int scales() {
    return rise[0][0].length;
  }

  /**
   * The rise at any share: linear in the share's logarithm between measured ones and on to 0 at the
   * whole history; below the smallest, the slope of the first stretch goes on.
   *
   * @param scale from 0
   * @param share above 0; a whole history from 1 on
   */
  public double rise(int layer, int scale, double share) {
    require(share > 0, "share", share, "above 0");
    if (share >= 1) {
      return 0;
    }
    int upper = 0;
    while (upper < shares.length && shares[upper] < share) {
      upper++;
    }
    int lower = Math.max(upper - 1, 0);
    upper = lower + 1;
    double low = rise[lower][layer][scale];
    double high = upper == shares.length ? 0 : rise[upper][layer][scale];
    double end = upper == shares.length ? 1 : shares[upper];
    double part = Math.log(share / shares[lower]) / Math.log(end / shares[lower]);
    return low + part * (high - low);
  }

  /**
   * The layers that pay most for forgetting, by scale number: what a layer has forgotten before a
   * scale is missing at all later ones too, so a layer counts with its rises (at the smallest
   * share) from that scale on. Ties: the lower layer.
   *
   * @param count layers of each scale, 0 or more
   */
  public Map<Integer, Set<Integer>> mostSensitive(int count) {
    require(count >= 0 && count <= layers(), "count", count, "0.." + layers());
    Map<Integer, Set<Integer>> chosen = new HashMap<>();
    for (int scale = 0; scale < scales(); scale++) {
      int from = scale;
      chosen.put(
          scale + 1,
          IntStream.range(0, layers())
              .boxed()
              .sorted(Comparator.comparingDouble((Integer layer) -> -riseFrom(layer, from)))
              .limit(count)
              .collect(Collectors.toSet()));
    }
    return chosen;
  }

  private double riseFrom(int layer, int from) {
    double sum = 0;
    for (int scale = from; scale < scales(); scale++) {
      sum += rise[0][layer][scale];
    }
    return sum;
  }
}
