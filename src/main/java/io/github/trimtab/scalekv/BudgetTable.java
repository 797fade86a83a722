package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.SortedSet;
import java.util.TreeMap;

/**
 * Budgets of two kinds of layer, as the released tables hold them: at each scale a layer is a
 * drafter or a refiner, and all layers of a kind and all their heads have one capacity. Immutable.
 */
public final class BudgetTable implements Budgets {
  /**
   * The budget of one scale, with the names of the released tables.
   *
   * @param scale number from 1
   * @param roles of every layer
   * @param high number of drafters as stated ("High")
   * @param max tokens of a drafter
   * @param min tokens of a refiner
   * @param limit tokens that a drafter could hold at most
   */
  public record Row(int scale, List<LayerRole> roles, int high, int max, int min, int limit) {
    /** Checks that numbers are not negative. */
    public Row {
      require(scale >= 1, "scale", scale, "1 or more");
      roles = List.copyOf(roles);
      require(!roles.isEmpty(), "roles", roles, "1 layer or more");
      require(high >= 0, "High", high, "0 or more");
      require(max >= 0, "Max", max, "0 or more");
      require(min >= 0, "Min", min, "0 or more");
      require(limit >= 0, "Limit", limit, "0 or more");
    }

    /** Tokens that a layer may hold. */
    public int capacity(int layer) {
      return roles.get(layer) == LayerRole.DRAFTER ? max : min;
    }

    /** Layers that are drafters. */
    public int drafters() {
      return Collections.frequency(roles, LayerRole.DRAFTER);
    }

    /** Tokens of all layers. */
    public long total() {
      return (long) drafters() * max + (long) (roles.size() - drafters()) * min;
    }

    /** Tokens of a layer on average. */
    public double mean() {
      return (double) total() / roles.size();
    }
  }

  private final int layers;
  private final NavigableMap<Integer, Row> rows = new TreeMap<>();

  /**
   * A table of given rows.
   *
   * @param layers of the model, 1 or more
   * @param rows at most one a scale, each with {@code layers} roles; may be empty
   */
  public BudgetTable(int layers, Collection<Row> rows) {
    require(layers >= 1, "layers", layers, "1 or more");
    this.layers = layers;
    for (Row row : rows) {
      require(
          row.roles().size() == layers,
          "roles of scale " + row.scale(),
          row.roles().size(),
          "one for each of " + layers + " layers");
      Row other = this.rows.put(row.scale(), row);
      require(other == null, "rows", "two of scale " + row.scale(), "at most one a scale");
    }
  }

  @Override
  public int layers() {
    return layers;
  }

  @Override
  public int heads() {
    return 1;
  }

  @Override
  public SortedSet<Integer> scales() {
    return Collections.unmodifiableSortedSet(rows.navigableKeySet());
  }

  /** Rows in rising order of scale. */
  public Collection<Row> rows() {
    return Collections.unmodifiableCollection(rows.values());
  }

  /**
   * Tokens of history that a layer may hold when a scale begins.
   *
   * @param scale number from 1
   * @return the row's capacity, or {@link Budgets#UNLIMITED} without a row
   */
  public int capacity(int scale, int layer) {
    require(scale >= 1, "scale", scale, "a number from 1");
    require(layer >= 0 && layer < layers, "layer", layer, "0.." + (layers - 1));
    Row row = rows.get(scale);
    return row == null ? UNLIMITED : row.capacity(layer);
  }

  @Override
  public int capacity(int scale, int layer, int head) {
    require(head == 0, "head", head, "0, since all heads share a capacity");
    return capacity(scale, layer);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof BudgetTable that && layers == that.layers && rows.equals(that.rows);
  }

  @Override
  public int hashCode() {
    return 31 * layers + rows.hashCode();
  }

  @Override
  public String toString() {
    return "BudgetTable[layers=" + layers + ", rows=" + rows.values() + "]";
  }
}
