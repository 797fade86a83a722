package io.github.trimtab.scalekv;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a budget table adds up to, and what is odd about it. An oddity is no error: a cache can run
 * any table whose budgets hold the observation window.
 *
 * @param layers of the table
 * @param rows one for each row of the table, in rising order of scale
 * @param oddities a sentence each; empty if there is none
 */
public record BudgetReport(int layers, List<Row> rows, List<String> oddities) {
  /**
   * One scale.
   *
   * @param scale number from 1
   * @param drafters layers that are drafters
   * @param max tokens of a drafter
   * @param min tokens of a refiner
   * @param limit tokens that a drafter could hold at most
   * @param total tokens of all layers
   * @param mean tokens of a layer on average
   */
  public record Row(
      int scale, int drafters, int max, int min, int limit, long total, double mean) {}

  /** Copies the lists. */
  public BudgetReport {
    rows = List.copyOf(rows);
    oddities = List.copyOf(oddities);
  }

  /**
   * Reports on a table.
   *
   * @param window tokens of the observation window that every budget must hold
   */
  public static BudgetReport of(BudgetTable table, int window) {
    List<Row> rows = new ArrayList<>();
    List<String> oddities = new ArrayList<>();
    BudgetTable.Row previous = null;
    for (BudgetTable.Row row : table.rows()) {
      rows.add(
          new Row(
              row.scale(),
              row.drafters(),
              row.max(),
              row.min(),
              row.limit(),
              row.total(),
              row.mean()));
      String scale = "Scale " + row.scale() + ": ";
      if (row.high() != row.drafters()) {
        oddities.add(
            scale + "High is " + row.high() + ", but " + row.drafters() + " blocks are drafters.");
      }
      if (row.min() > row.max()) {
        oddities.add(scale + "Min " + row.min() + " exceeds Max " + row.max() + ".");
      }
      if (row.drafters() > 0 && row.max() > row.limit()) {
        oddities.add(
            scale
                + "Max "
                + row.max()
                + " exceeds Limit "
                + row.limit()
                + ", the most that a drafter holds.");
      }
      if (leastBudget(row) < window) {
        oddities.add(
            scale
                + "the budget "
                + leastBudget(row)
                + " is below the window's "
                + window
                + " tokens.");
      }
      if (previous != null) {
        compare(previous, row, oddities);
      }
      previous = row;
    }
    return new BudgetReport(table.layers(), rows, oddities);
  }

  private static int leastBudget(BudgetTable.Row row) {
    int least = Integer.MAX_VALUE;
    for (int layer = 0; layer < row.roles().size(); layer++) {
      least = Math.min(least, row.capacity(layer));
    }
    return least;
  }

  private static void compare(
      BudgetTable.Row previous, BudgetTable.Row row, List<String> oddities) {
    String scale = "Scale " + row.scale() + ": ";
    if (row.scale() != previous.scale() + 1) {
      oddities.add(
          scale
              + "there is no row between it and Scale "
              + previous.scale()
              + ", so everything is kept there.");
    }
    // A mean below the others by less than a token is a drafter's share rounded down.
    if (Math.abs(row.mean() - previous.mean()) >= 1) {
      oddities.add(
          String.format(
              Locale.ROOT,
              "%sthe mean of %.2f tokens differs from Scale %d's %.2f.",
              scale,
              row.mean(),
              previous.scale(),
              previous.mean()));
    }
    for (int layer = 0; layer < row.roles().size(); layer++) {
      if (row.roles().get(layer) == LayerRole.DRAFTER
          && previous.capacity(layer) < previous.max()
          && row.scale() == previous.scale() + 1) {
        oddities.add(
            scale
                + "layer "
                + layer
                + " turns from refiner to drafter, so it cannot hold its budget.");
      }
    }
  }
}
