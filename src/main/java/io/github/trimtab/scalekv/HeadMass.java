package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.Retention;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.TreeMap;

/**
 * How much attention each head pays to each earlier scale: the share of a query's softmax weight
 * that falls on the scale's tokens, averaged over queries, rows, pictures and all later scales (the
 * calibration of HeatKV, arXiv 2605.14877). Immutable.
 */
public final class HeadMass {
  private final double[][][] mass;

  /**
   * Copies what was measured.
   *
   * @param mass [layer][key/value head][source scale from 0], 0 or more; 0 for the last scale,
   *     which no later one sees
   */
  public HeadMass(double[][][] mass) {
    require(mass.length >= 1, "mass", "no layer", "1 or more");
    this.mass = new double[mass.length][mass[0].length][];
    for (int layer = 0; layer < mass.length; layer++) {
      require(
          mass[layer].length >= 1 && mass[layer].length == mass[0].length,
          "mass[" + layer + "]",
          mass[layer].length + " heads",
          "1 or more, and as many as mass[0]");
      for (int head = 0; head < mass[layer].length; head++) {
        double[] scales = mass[layer][head].clone();
        String place = "mass[" + layer + "][" + head + "]";
        require(
            scales.length == mass[0][0].length,
            place,
            scales.length + " scales",
            "" + mass[0][0].length);
        for (double share : scales) {
          require(share >= 0 && Double.isFinite(share), place, share, "finite numbers from 0");
        }
        this.mass[layer][head] = scales;
      }
    }
  }

  /** Layers. */
  public int layers() {
    return mass.length;
  }

  /** Key/value heads of a layer. */
  public int heads() {
    return mass[0].length;
  }

  /** Scales. */
  public int scales() {
    return mass[0][0].length;
  }

  /** Mean attention of a head to a scale (from 0). */
  public double of(int layer, int head, int scale) {
    return mass[layer][head][scale];
  }

  /**
   * Budgets of single heads in proportion to their attention to history, as head-wise methods for
   * language models share them out (HeadKV, arXiv 2410.19258), the same at every scale whose
   * history exceeds the uniform budget.
   *
   * @param uniform tokens a layer and head on average, at least the floor
   * @param floor least tokens of a head, 0 or more; the observation window must fit
   */
  public CapacityTable budgets(Schedule schedule, int uniform, int floor) {
    require(floor >= 0 && floor <= uniform, "floor", floor, "0.." + uniform);
    double all = 0;
    for (int list = 0; list < layers() * heads(); list++) {
      all += history(list);
    }
    double shared = (uniform - floor) * (double) (layers() * heads());
    int[][] row = new int[layers()][heads()];
    double exact = 0;
    long given = 0;
    for (int list = 0; list < layers() * heads(); list++) {
      // Rounding the running sum keeps the total exact.
      double share = all == 0 ? 1.0 / (layers() * heads()) : history(list) / all;
      exact += floor + shared * share;
      row[list / heads()][list % heads()] = Math.toIntExact(Math.round(exact) - given);
      given = Math.round(exact);
    }
    Map<Integer, int[][]> rows = new TreeMap<>();
    for (int scale = 2; scale <= schedule.scales(); scale++) {
      if (schedule.history(scale - 1) > uniform) {
        rows.put(scale, row);
      }
    }
    return new CapacityTable(layers(), heads(), rows);
  }

  private double history(int list) {
    double sum = 0;
    for (double share : mass[list / heads()][list % heads()]) {
      sum += share;
    }
    return sum;
  }

  /**
   * Measures while a model draws: stores everything, and reads the attention of every query. Rows
   * may stand at steps of their own; pages are those of the full cache.
   *
   * <p>Threads: one at a time, as the cache.
   */
  public static final class Recorder implements EvictionPolicy {
    private final Schedule schedule;
    private final float scale;
    private final double[][][] sums;
    private final long[][] counts;

    /**
     * A recorder that has seen nothing.
     *
     * @param layers 1 or more
     * @param heads key/value heads, 1 or more; layers x heads x scales below 2^31
     * @param scale multiplies q.k
     */
    public Recorder(Schedule schedule, int layers, int heads, float scale) {
      require(layers >= 1, "layers", layers, "1 or more");
      require(heads >= 1, "heads", heads, "1 or more");
      require(
          (long) layers * heads <= Integer.MAX_VALUE / schedule.scales(),
          "layers, heads",
          layers + ", " + heads,
          "a product with the " + schedule.scales() + " scales below 2^31");
      this.schedule = schedule;
      this.scale = scale;
      this.sums = new double[layers][heads][schedule.scales()];
      this.counts = new long[layers][schedule.scales()];
    }

    @Override
    public Retention after(int layer, int step, int newTokens) {
      return step == schedule.scales() - 1 ? new Retention.History() : new Retention.All();
    }

    @Override
    public boolean decidesAhead() {
      return false; // what it measures is the step's own
    }

    @Override
    public void store(KvCache cache, int layer, int[] steps, Tensor q, NewTokens fresh) {
      for (int row = 0; row < steps.length; row++) {
        if (steps[row] > 0) {
          require(
              cache.tokens(layer, row) == schedule.history(steps[row])
                  && fresh.capacity() == schedule.tokens(steps[row]),
              "tokens of row " + row,
              cache.tokens(layer, row) + " and " + fresh.capacity(),
              "the history and the map of step " + steps[row]);
        }
      }
      Tensor weights = cache.columnSums(layer, q, null, fresh, Mask.NONE, scale);
      for (int row = 0; row < steps.length; row++) {
        add(layer, row, steps[row], weights);
      }
      EvictionPolicy.super.store(cache, layer, steps, q, fresh);
    }

    private void add(int layer, int row, int step, Tensor weights) {
      for (int source = 0; source < step; source++) {
        counts[layer][source]++;
        for (int head = 0; head < sums[layer].length; head++) {
          double weight = 0;
          for (int token = schedule.history(source);
              token < schedule.history(source + 1);
              token++) {
            weight += weights.floatAt(weights.offset(row, head, token));
          }
          sums[layer][head][source] += weight / schedule.tokens(step);
        }
      }
    }

    /** What was measured so far. */
    public HeadMass mass() {
      double[][][] mean = new double[sums.length][sums[0].length][schedule.scales()];
      for (int layer = 0; layer < sums.length; layer++) {
        for (int head = 0; head < sums[layer].length; head++) {
          for (int source = 0; source < schedule.scales(); source++) {
            mean[layer][head][source] =
                sums[layer][head][source] / Math.max(counts[layer][source], 1);
          }
        }
      }
      return new HeadMass(mean);
    }
  }
}
