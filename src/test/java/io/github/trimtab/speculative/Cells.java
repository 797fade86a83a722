package io.github.trimtab.speculative;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Integrates over uniforms in [0, 1) what is constant between known points: the unit cube is cut at
 * them, and every cell is probed near its low corner, in its middle and near its high corner.
 */
final class Cells {
  private static final double[] PROBES = {0.01, 0.5, 0.99};

  private final List<List<Double>> points = new ArrayList<>();

  /** Adds a uniform with the points where a decision on it may change. */
  Cells axis(double... at) {
    TreeSet<Double> cuts = new TreeSet<>(List.of(0.0, 1.0));
    for (double x : at) {
      if (x > 0 && x < 1) {
        cuts.add(x);
      }
    }
    List<Double> distinct = new ArrayList<>();
    for (double cut : cuts) {
      if (distinct.isEmpty() || cut - distinct.getLast() > 1e-12) {
        distinct.add(cut);
      }
    }
    points.add(distinct);
    return this;
  }

  /** What happens in a cell of some volume. */
  interface Outcome<T> {
    void of(T outcome, double volume);
  }

  /** Calls {@code sum} with the outcome of each cell; all probes of a cell have the same. */
  <T> void integrate(Function<float[], T> decision, Outcome<T> sum) {
    int[] cell = new int[points.size()];
    while (true) {
      double volume = 1;
      for (int i = 0; i < cell.length; i++) {
        volume *= points.get(i).get(cell[i] + 1) - points.get(i).get(cell[i]);
      }
      T outcome = decision.apply(probe(cell, PROBES[0]));
      for (double at : PROBES) {
        T other = decision.apply(probe(cell, at));
        if (!outcome.equals(other)) {
          throw new AssertionError("not constant in a cell: " + outcome + " and " + other);
        }
      }
      sum.of(outcome, volume);
      int axis = 0;
      while (axis < cell.length && ++cell[axis] == points.get(axis).size() - 1) {
        cell[axis++] = 0;
      }
      if (axis == cell.length) {
        return;
      }
    }
  }

  private float[] probe(int[] cell, double at) {
    float[] probe = new float[cell.length];
    for (int i = 0; i < cell.length; i++) {
      double low = points.get(i).get(cell[i]);
      double high = points.get(i).get(cell[i] + 1);
      probe[i] = (float) (low + at * (high - low));
    }
    return probe;
  }

  /** Cumulated shares of masses: where a draw from them changes. */
  static double[] shares(double[] masses) {
    double total = 0;
    for (double mass : masses) {
      total += mass;
    }
    double[] shares = new double[masses.length];
    double reached = 0;
    for (int i = 0; i < masses.length; i++) {
      reached += masses[i];
      shares[i] = reached / total;
    }
    return shares;
  }
}
