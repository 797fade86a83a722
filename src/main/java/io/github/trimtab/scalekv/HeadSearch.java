package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntPredicate;

/**
 * Finds budgets of single heads step by step, with all heads forgetting at once: some tokens more
 * for one head show what its tokens are worth there, and each step moves tokens to where they are
 * worth most. A head that repeats another one matters once that other forgets, which cutting one
 * head alone ({@link Sensitivity}) cannot show.
 *
 * <p>Where a loss falls with the logarithm of a head's tokens, the best budgets are in proportion
 * to that fall. It is measured on few pictures and with noise, so each head's is drawn towards the
 * one at which its budget would stay, the more the less its pictures agree.
 *
 * @param schedule the model's maps
 * @param uniform tokens a layer and head on average
 * @param floor least tokens of a head, 1 to {@code uniform}
 */
public record HeadSearch(Schedule schedule, int uniform, int floor) {
  /** How many times its tokens a head gets to show what they are worth. */
  private static final double GROWTH = 1.5;

  /** A head that cannot grow by this part (of a natural logarithm) shows nothing. */
  private static final double LEAST_GROWTH = 0.05;

  /** A step leaves a head's budget within these factors. */
  private static final double LEAST_FACTOR = 0.3;

  private static final double MOST_FACTOR = 3.5;

  /**
   * How far worths are from those of the present budgets, as parts of the head's own and of the
   * mean; before anything is measured.
   */
  private static final double OWN_SPREAD = 0.7;

  private static final double MEAN_SPREAD = 0.3;

  /** Checks the floor. */
  public HeadSearch {
    require(floor >= 1 && floor <= uniform, "floor", floor, "1.." + uniform);
  }

  /**
   * A table in which one head has more tokens, as far as it can hold them.
   *
   * @param head layer x heads + head
   */
  public CapacityTable grown(CapacityTable table, int head) {
    return grown(table, other -> other == head);
  }

  /** A table in which every head has more tokens, as many as it has when it grows alone. */
  public CapacityTable grown(CapacityTable table) {
    return grown(table, _ -> true);
  }

  private CapacityTable grown(CapacityTable table, IntPredicate growing) {
    Map<Integer, int[][]> rows = new TreeMap<>();
    int[] held = new int[table.layers() * table.heads()];
    for (int scale : table.scales()) {
      int[][] row = new int[table.layers()][table.heads()];
      for (int head = 0; head < held.length; head++) {
        int layer = head / table.heads();
        int tokens = table.capacity(scale, layer, head % table.heads());
        if (growing.test(head)) {
          int limit = limit(scale, rows.isEmpty() ? -1 : held[head]);
          tokens = (int) Math.min(Math.round(tokens * GROWTH), limit);
        }
        held[head] = tokens;
        row[layer][head % table.heads()] = tokens;
      }
      rows.put(scale, row);
    }
    return new CapacityTable(table.layers(), table.heads(), rows);
  }

  /** What a head can hold when a scale begins: what it held and the map before, or the history. */
  private int limit(int scale, int held) {
    return held < 0 ? schedule.history(scale - 1) : held + schedule.tokens(scale - 2);
  }

  /**
   * The next budgets, with the sum of uniform ones at every scale, or as much as heads can hold.
   *
   * @param table the present ones
   * @param saved the part of a scale's loss that each picture saved when one head was {@linkplain
   *     #grown(CapacityTable, int) grown}, [picture][layer x heads + head][scale from 0], finite;
   *     two pictures or more
   */
  public CapacityTable next(CapacityTable table, double[][][] saved) {
    require(saved.length >= 2, "saved", saved.length + " pictures", "2 or more");
    int heads = table.layers() * table.heads();
    for (int picture = 0; picture < saved.length; picture++) {
      check("saved[" + picture + "]", saved[picture], heads);
    }
    CapacityTable grown = grown(table);
    Map<Integer, int[][]> rows = new TreeMap<>();
    int[] held = new int[heads];
    for (int scale : table.scales()) {
      double[] present = new double[heads];
      double[] growth = new double[heads];
      int[] limits = new int[heads];
      for (int head = 0; head < heads; head++) {
        int tokens = table.capacity(scale, head / table.heads(), head % table.heads());
        int more = grown.capacity(scale, head / table.heads(), head % table.heads());
        present[head] = tokens;
        growth[head] = tokens == 0 ? 0 : Math.log((double) more / tokens);
        limits[head] = limit(scale, rows.isEmpty() ? -1 : held[head]);
      }
      held = divide(wanted(present, growth, saved, scale - 1), limits);
      int[][] row = new int[table.layers()][table.heads()];
      for (int head = 0; head < heads; head++) {
        row[head / table.heads()][head % table.heads()] = held[head];
      }
      rows.put(scale, row);
    }
    return new CapacityTable(table.layers(), table.heads(), rows);
  }

  private void check(String name, double[][] picture, int heads) {
    require(picture.length == heads, name, picture.length + " heads", "" + heads);
    for (int head = 0; head < heads; head++) {
      String place = name + "[" + head + "]";
      int scales = picture[head].length;
      require(scales == schedule.scales(), place, scales + " scales", "" + schedule.scales());
      for (double part : picture[head]) {
        require(Double.isFinite(part), place, part, "finite numbers");
      }
    }
  }

  /** Budgets in proportion to worths. */
  private static double[] wanted(double[] present, double[] growth, double[][][] saved, int scale) {
    int heads = present.length;
    double[] worth = new double[heads];
    double[] error = new double[heads];
    double tokens = 0;
    double allWorth = 0;
    double meanError = 0;
    int growing = 0;
    for (int head = 0; head < heads; head++) {
      if (growth[head] >= LEAST_GROWTH) {
        double squares = 0;
        for (double[][] picture : saved) {
          double each = picture[head][scale] / growth[head];
          worth[head] += each / saved.length;
          squares += each * each / saved.length;
        }
        double variance = Math.max(0, squares - worth[head] * worth[head]);
        error[head] = Math.sqrt(variance / (saved.length - 1));
        growing++;
        tokens += present[head];
        allWorth += worth[head];
        meanError += error[head];
      }
    }
    double[] wanted = present.clone();
    if (allWorth <= 0 || meanError <= 0) {
      return wanted;
    }
    for (int head = 0; head < heads; head++) {
      if (growth[head] >= LEAST_GROWTH) {
        double staying = allWorth * present[head] / tokens;
        double spread = OWN_SPREAD * staying + MEAN_SPREAD * allWorth / growing;
        // Errors of few pictures are themselves uncertain: half is the mean of all heads'.
        double noise = (error[head] + meanError / growing) / 2;
        double trust = spread * spread / (spread * spread + noise * noise);
        double believed = staying + trust * (worth[head] - staying);
        wanted[head] *= Math.clamp(believed / staying, LEAST_FACTOR, MOST_FACTOR);
      }
    }
    return wanted;
  }

  /** All tokens in proportion to what is wanted, between the floor and limits. */
  private int[] divide(double[] wanted, int[] limits) {
    // Where the heads cannot hold a uniform budget there is no more to give than they hold.
    long left =
        Math.min((long) uniform * wanted.length, Arrays.stream(limits).asLongStream().sum());
    double low = 0;
    double high = left;
    // Doubles have 53 bits: no bisection goes further.
    for (int i = 0; i < 100; i++) {
      double middle = (low + high) / 2;
      long sum = 0;
      for (int head = 0; head < wanted.length; head++) {
        sum += whole(middle * wanted[head], limits[head]);
      }
      if (sum > left) {
        high = middle;
      } else {
        low = middle;
      }
    }
    int[] given = new int[wanted.length];
    for (int head = 0; head < wanted.length; head++) {
      given[head] = whole(low * wanted[head], limits[head]);
      left -= given[head];
    }
    // What rounding down left, a token each.
    for (int head = 0; left > 0; head = (head + 1) % wanted.length) {
      if (given[head] < limits[head]) {
        given[head]++;
        left--;
      }
    }
    return given;
  }

  private int whole(double tokens, int limit) {
    return (int) Math.clamp(tokens, Math.min(floor, limit), limit);
  }
}
