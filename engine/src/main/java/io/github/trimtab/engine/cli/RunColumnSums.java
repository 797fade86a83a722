package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run columnsums}. */
@Command(
    name = "columnsums",
    description = {
      "Sum the attention that each key receives from all queries.",
      "",
      "In: q [R,H,M,D], k [R,G,N,D]; optional lengths [R] (valid keys), new_lengths [R] (valid"
          + " queries).",
      "Out: sums [R,G,N], averaged over the query heads of a key/value head.",
      "",
      "Settings: mask=none|causal (none; causal: the queries are the last M positions), scale"
          + " (1/sqrt(D))."
    })
final class RunColumnSums extends RunOperation {
  @Override
  Set<String> keys() {
    return new TreeSet<>(Set.of("mask", "scale", "precision"));
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    Tensor q = inputs.floats("q", "R", "H", "M", "D");
    Tensor k = inputs.floats("k", "R", "G", "N", "D");
    inputs.checkHeads();
    int rows = inputs.size("R");
    int tokens = inputs.size("N");
    Tensor lengths = Tensor.wrap(inputs.lengths("lengths", tokens), rows);
    Tensor queries = Tensor.wrap(inputs.lengths("new_lengths", inputs.size("M")), rows);
    Tensor sums = Tensors.zeros(DType.F32, rows, inputs.size("G"), tokens);
    kernels.columnSums(
        new ColumnSums(
            q,
            queries,
            null,
            new NewTokens(k, null, lengths),
            settings.choice("mask", "none", Map.of("none", Mask.NONE, "causal", Mask.CAUSAL)),
            settings.scale(inputs.size("D")),
            sums));
    return Map.of("sums", sums);
  }
}
