package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run select}. */
@Command(
    name = "select",
    description = {
      "Choose the highest scores and the window.",
      "",
      "In: scores [R,G,N]; optional window [P] or [R,P], lengths [R].",
      "Out: indices [R,G,min(keep,N-P)+P], ascending: the highest scores (ties: the lower index;"
          + " NaN below -inf) and the window.",
      "",
      "Settings: keep (required; tokens besides the window, 0 or more)."
    })
final class RunSelect extends RunOperation {
  @Override
  Set<String> keys() {
    return new TreeSet<>(Set.of("keep", "precision"));
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    int keep = settings.integer("keep", 0);
    Tensor scores = Tensors.toF32(inputs.floats("scores", "R", "G", "N"));
    int rows = inputs.size("R");
    int tokens = inputs.size("N");
    int[] lengths = inputs.lengths("lengths", tokens);
    int[][] window = inputs.positions("window", tokens);
    int places = Math.min(keep, tokens - inputs.size("P")) + inputs.size("P");
    int[] capacity = new int[rows];
    for (int row = 0; row < rows; row++) {
      for (int p = 0; p < window[row].length; p++) {
        if (window[row][p] >= lengths[row]) {
          throw inputs.bad("window", row, p, window[row][p], "below lengths, " + lengths[row]);
        }
        capacity[row] += window[row][p] >= 0 ? 1 : 0;
      }
      capacity[row] = (int) Math.min((long) capacity[row] + keep, places);
    }
    Tensor indices = Tensors.zeros(DType.I32, rows, inputs.size("G"), places);
    kernels.select(
        new Select(
            scores,
            Tensor.wrap(lengths, rows),
            Tensors.matrix(window, inputs.size("P")),
            Tensor.wrap(capacity, rows, 1),
            indices));
    return Map.of("indices", Tensors.toI64(indices));
  }
}
