package io.github.trimtab.speculative;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** A distribution of the next token for every context, over a handful of ids. */
final class SmallModel {
  private final Map<List<Integer>, float[]> rows = new HashMap<>();
  private final Function<List<Integer>, float[]> rule;

  /** A model whose row of a context is made when it is first asked for. */
  SmallModel(Function<List<Integer>, float[]> rule) {
    this.rule = rule;
  }

  float[] row(List<Integer> context) {
    float[] known = rows.get(context);
    if (known == null) {
      known = rule.apply(List.copyOf(context));
      rows.put(List.copyOf(context), known);
    }
    return known;
  }

  /** Every text of a length behind a context with its probability. */
  Map<List<Integer>, Double> law(List<Integer> context, int length) {
    Map<List<Integer>, Double> law = new HashMap<>();
    extend(law, context, List.of(), length, 1);
    return law;
  }

  /** Adds the law of a text whose beginning is fixed and the rest of which this model writes. */
  void extend(
      Map<List<Integer>, Double> law,
      List<Integer> context,
      List<Integer> text,
      int length,
      double weight) {
    if (text.size() >= length) {
      law.merge(text.subList(0, length), weight, Double::sum);
      return;
    }
    List<Integer> all = new ArrayList<>(context);
    all.addAll(text);
    float[] row = row(all);
    double sum = 0;
    for (float p : row) {
      sum += p;
    }
    for (int id = 0; id < row.length; id++) {
      if (row[id] > 0) {
        List<Integer> longer = new ArrayList<>(text);
        longer.add(id);
        extend(law, context, longer, length, weight * row[id] / sum);
      }
    }
  }

  /** Total variation distance of two laws. */
  static double distance(Map<List<Integer>, Double> a, Map<List<Integer>, Double> b) {
    double sum = 0;
    for (Map.Entry<List<Integer>, Double> entry : a.entrySet()) {
      sum += Math.abs(entry.getValue() - b.getOrDefault(entry.getKey(), 0.0));
    }
    for (Map.Entry<List<Integer>, Double> entry : b.entrySet()) {
      sum += a.containsKey(entry.getKey()) ? 0 : entry.getValue();
    }
    return sum / 2;
  }
}
