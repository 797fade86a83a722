package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run evict}. */
@Command(
    name = "evict",
    description = {
      "Score history and new tokens, and keep the best of each head in fresh pages.",
      "",
      "In: q [R,H,W,D], history k, v [R,G,N,D]; optional k_new, v_new [R,G,M,D] (numbered N, N+1,"
          + " ... after the history), window [P] or [R,P], lengths [R], new_lengths [R].",
      "Out: indices [R,G,C'], k, v [R,G,C',D] with C' = min(capacity, N+M): what a reader of the"
          + " pages sees, in the input's dtype, F32 where kv_dtype differs.",
      "",
      "Settings: capacity (required, window included), page_tokens=16|32|64|128 (64),"
          + " kv_dtype=f32|f16|bf16|fp8|int8 (as given), and those of score: mode=raw|softmax"
          + " (softmax), scale (1/sqrt(D)), mask=none|causal (none), pool=none|max|avg (none),"
          + " pool_width (5, odd)."
    })
final class RunEvict extends RunOperation {
  @Override
  Set<String> keys() {
    Set<String> keys = new TreeSet<>(RunScore.SCORING);
    keys.addAll(Set.of("capacity", "page_tokens", "kv_dtype"));
    return keys;
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    int capacity = settings.integer("capacity", 0);
    Tensor q = inputs.floats("q", "R", "H", "W", "D");
    NewTokens history = RunAttend.history(inputs);
    NewTokens fresh = RunAttend.fresh(inputs, "M");
    inputs.checkHeads();
    Scoring scoring = settings.scoring(inputs.size("D"));
    PageLayout layout = settings.pages(history.k().dtype(), history.heads(), history.headDim());
    int rows = history.rows();
    int tokens = inputs.sum("N", "M");
    int places = Math.min(capacity, tokens);
    Numbering numbering = new Numbering(inputs);
    int[][] window = numbering.toKernel(inputs.positions("window", tokens), capacity);
    int[] capacities = new int[rows];
    Arrays.fill(capacities, places);
    Tensor scores = Tensors.zeros(DType.F32, rows, history.heads(), tokens);
    Tensor indices = Tensors.zeros(DType.I32, rows, history.heads(), places);
    try (Pages pages = new Pages(layout, rows, history.capacity(), places)) {
      PagedKv source = pages.list(history.capacity());
      PagedKv target = pages.list(places);
      var score =
          new Score(
              q,
              RunScore.queryRows(inputs),
              source,
              fresh,
              Tensors.matrix(window, inputs.size("P")),
              scoring,
              scores);
      var evict = new Evict(score, Tensor.wrap(capacities, rows, 1), indices, target);
      kernels.append(new Append(history, source));
      kernels.evict(evict);
      DType dtype = layout.dtype() == history.k().dtype() ? layout.dtype() : DType.F32;
      numbering.toFile(indices);
      return Map.of(
          "indices", Tensors.toI64(indices),
          "k", pages.keys(target, places, dtype),
          "v", pages.values(target, places, dtype));
    }
  }
}
