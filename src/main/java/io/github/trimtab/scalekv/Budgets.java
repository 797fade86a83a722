package io.github.trimtab.scalekv;

import java.util.SortedSet;

/**
 * How many tokens of history each layer and head may hold at each scale.
 *
 * <p>The budget of scale number r (from 1) is the capacity of the history that scale r sees, and so
 * what a layer keeps after scale r - 1. A scale without a budget keeps everything.
 */
public sealed interface Budgets permits BudgetTable, CapacityTable {
  /** The capacity of scales without a budget. */
  int UNLIMITED = Integer.MAX_VALUE;

  /** Layers. */
  int layers();

  /** Key/value heads that have a budget each, or 1 where all heads of a layer have the same. */
  int heads();

  /** Scale numbers that have a budget, rising. */
  SortedSet<Integer> scales();

  /**
   * Tokens of history that a head may hold when a scale begins.
   *
   * @param scale number from 1
   * @param layer from 0
   * @param head from 0, below {@link #heads}
   * @return the budget, or {@link #UNLIMITED} where the scale has none
   */
  int capacity(int scale, int layer, int head);

  /** Tokens of all layers and heads at a scale that has a budget. */
  default long total(int scale) {
    long total = 0;
    for (int layer = 0; layer < layers(); layer++) {
      for (int head = 0; head < heads(); head++) {
        total += capacity(scale, layer, head);
      }
    }
    return total;
  }
}
