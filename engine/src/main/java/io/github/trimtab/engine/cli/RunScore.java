package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run score}. */
@Command(
    name = "score",
    description = {
      "Score keys by the attention of a window of queries.",
      "",
      "In: q [R,H,W,D], k [R,G,N,D]; optional window [P] or [R,P] (positions that get -inf),"
          + " lengths [R], new_lengths [R].",
      "Out: scores [R,G,N].",
      "",
      "Settings: mode=raw|softmax (softmax), scale (1/sqrt(D)), mask=none|causal (none; causal: the"
          + " queries are the last W positions), pool=none|max|avg (none), pool_width (5, odd)."
    })
final class RunScore extends RunOperation {
  /** Settings of the scoring itself, which eviction has as well. */
  static final Set<String> SCORING =
      Set.of("mode", "scale", "mask", "pool", "pool_width", "precision");

  @Override
  Set<String> keys() {
    return new TreeSet<>(SCORING);
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    Tensor q = inputs.floats("q", "R", "H", "W", "D");
    Tensor k = inputs.floats("k", "R", "G", "N", "D");
    inputs.checkHeads();
    int rows = inputs.size("R");
    int tokens = inputs.size("N");
    int[] lengths = inputs.lengths("lengths", tokens);
    int[][] window = inputs.positions("window", tokens);
    for (int row = 0; row < rows; row++) {
      for (int p = 0; p < window[row].length; p++) {
        // Padding scores -inf with or without a window.
        window[row][p] = window[row][p] < lengths[row] ? window[row][p] : -1;
      }
    }
    Tensor scores = Tensors.zeros(DType.F32, rows, inputs.size("G"), tokens);
    kernels.score(
        new Score(
            q,
            queryRows(inputs),
            null,
            new NewTokens(k, null, Tensor.wrap(lengths, rows)),
            Tensors.matrix(window, inputs.size("P")),
            settings.scoring(inputs.size("D")),
            scores));
    return Map.of("scores", scores);
  }

  /**
   * The valid queries [R,W]: new_lengths counts them where queries are new tokens, one each, or
   * where there are no new tokens.
   */
  static Tensor queryRows(Inputs inputs) {
    int rows = inputs.size("R");
    int queries = inputs.size("W");
    boolean counted = !inputs.has("k_new") || inputs.size("M") == queries;
    int[] valid = inputs.lengths("new_lengths", counted ? queries : inputs.size("M"));
    int[][] queryRows = new int[rows][queries];
    for (int row = 0; row < rows; row++) {
      for (int w = 0; w < queries; w++) {
        queryRows[row][w] = !counted || w < valid[row] ? w : -1;
      }
    }
    return Tensors.matrix(queryRows, queries);
  }
}
