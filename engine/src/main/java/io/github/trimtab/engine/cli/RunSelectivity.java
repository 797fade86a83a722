package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run selectivity}. */
@Command(
    name = "selectivity",
    description = {
      "The attention selectivity index of a layer at a scale.",
      "",
      "In: q [R,H,M,D], k [R,G,N+M,D], the last M keys being the current map; optional lengths [R]"
          + " (valid keys among the first N), new_lengths [R] (valid queries and keys of the map).",
      "Out: current, history_top, selectivity [1]: the mean attention on the map, the mean"
          + " attention on the `top` most attended of the first N keys, and their product.",
      "",
      "Settings: top (required, 1 or more; more than N takes all), scale (1/sqrt(D))."
    })
final class RunSelectivity extends RunOperation {
  private static final int PAGE_TOKENS = 64;

  @Override
  Set<String> keys() {
    return new TreeSet<>(Set.of("top", "scale", "precision"));
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    int top = settings.integer("top", 1);
    Tensor q = inputs.floats("q", "R", "H", "M", "D");
    Tensor k = inputs.floats("k", "R", "G", "N+M", "D");
    inputs.checkHeads();
    int rows = inputs.size("R");
    int map = inputs.size("M");
    inputs.checkAtLeast("k", "N+M", map);
    int history = inputs.size("N+M") - map;
    Tensor historyLengths = Tensor.wrap(inputs.lengths("lengths", history), rows);
    Tensor mapLengths = Tensor.wrap(inputs.lengths("new_lengths", map), rows);
    Tensor index = Tensors.zeros(DType.F32, 3);
    var layout = new PageLayout(k.dtype(), PAGE_TOKENS, inputs.size("G"), inputs.size("D"));
    try (Pages pages = new Pages(layout, rows, history)) {
      PagedKv paged = pages.list(history);
      Tensor old = k.narrow(2, 0, history);
      kernels.append(new Append(new NewTokens(old, old, historyLengths), paged));
      kernels.selectivity(
          new Selectivity(
              q,
              mapLengths,
              paged,
              new NewTokens(k.narrow(2, history, map), null, mapLengths),
              top,
              settings.scale(inputs.size("D")),
              index));
    }
    return Map.of(
        "current", index.narrow(0, 0, 1),
        "history_top", index.narrow(0, 1, 1),
        "selectivity", index.narrow(0, 2, 1));
  }
}
