package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;

/** {@code run attend}. */
@Command(
    name = "attend",
    description = {
      "Attention over history in pages and new tokens beside them.",
      "",
      "In: q [R,H,M,D], history k, v [R,G,N,D]; optional k_new, v_new [R,G,M2,D], parent [M] or"
          + " [R,M], lengths [R], new_lengths [R].",
      "Out: out [R,H,M,D], lse [R,H,M] (natural logarithm).",
      "",
      "Settings: mask=none|causal|tree (none; causal and tree: M = M2, tree: at most 64 and with"
          + " parent), scale (1/sqrt(D)), page_tokens=16|32|64|128 (64),"
          + " kv_dtype=f32|f16|bf16|fp8|int8 (as given)."
    })
final class RunAttend extends RunOperation {
  @Override
  Set<String> keys() {
    return new TreeSet<>(Set.of("mask", "scale", "page_tokens", "kv_dtype", "precision"));
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    Tensor q = inputs.floats("q", "R", "H", "M", "D");
    NewTokens history = history(inputs);
    NewTokens fresh = fresh(inputs, "M2");
    inputs.checkHeads();
    Mask mask =
        settings.choice(
            "mask", "none", Map.of("none", Mask.NONE, "causal", Mask.CAUSAL, "tree", Mask.TREE));
    checkMask(inputs, mask);
    PageLayout layout = settings.pages(history.k().dtype(), history.heads(), history.headDim());
    Tensor out = Tensors.zeros(DType.F32, q.shape());
    Tensor lse = Tensors.zeros(DType.F32, q.size(0), q.size(1), q.size(2));
    int[] queries = queries(inputs);
    try (Pages pages = new Pages(layout, history.rows(), history.capacity())) {
      PagedKv paged = pages.list(history.capacity());
      var attend =
          new Attend(
              q,
              Tensor.wrap(queries, queries.length),
              paged,
              fresh,
              mask,
              mask == Mask.TREE ? parents(inputs, queries) : null,
              settings.scale(inputs.size("D")),
              out,
              lse);
      kernels.append(new Append(history, paged));
      kernels.attend(attend);
    }
    return Map.of("out", out, "lse", lse);
  }

  /** History k and v, valid up to lengths. */
  static NewTokens history(Inputs inputs) {
    Tensor k = inputs.floats("k", "R", "G", "N", "D");
    Tensor v = inputs.floats("v", "R", "G", "N", "D");
    inputs.checkAlike("v", "k");
    int[] lengths = inputs.lengths("lengths", inputs.size("N"));
    return new NewTokens(k, v, Tensor.wrap(lengths, lengths.length));
  }

  /** The second source, valid up to new_lengths, or null if the file has none. */
  static @Nullable NewTokens fresh(Inputs inputs, String tokens) {
    if (!inputs.has("k_new") && !inputs.has("v_new")) {
      return null;
    }
    Tensor k = inputs.floats("k_new", "R", "G", tokens, "D");
    Tensor v = inputs.floats("v_new", "R", "G", tokens, "D");
    inputs.checkAlike("k_new", "k");
    inputs.checkAlike("v_new", "k");
    int[] lengths = inputs.lengths("new_lengths", inputs.size(tokens));
    return new NewTokens(k, v, Tensor.wrap(lengths, lengths.length));
  }

  private static void checkMask(Inputs inputs, Mask mask) {
    if (mask != Mask.NONE && inputs.size("M") != inputs.size("M2")) {
      throw new BadInputException(
          "-s mask",
          mask.name().toLowerCase(Locale.ROOT),
          "none, since there are "
              + inputs.size("M")
              + " queries and "
              + inputs.size("M2")
              + " new tokens");
    }
    if (mask == Mask.TREE && inputs.size("M") > Attend.MAX_TREE) {
      throw new BadInputException(
          "-s mask",
          "tree",
          "another, since " + inputs.size("M") + " queries exceed " + Attend.MAX_TREE);
    }
  }

  /** Valid queries of each row: new_lengths where there are as many new tokens, or none at all. */
  private static int[] queries(Inputs inputs) {
    int queries = inputs.size("M");
    if (!inputs.has("k_new") || inputs.size("M2") == queries) {
      return inputs.lengths("new_lengths", queries);
    }
    int[] all = new int[inputs.size("R")];
    Arrays.fill(all, queries);
    return all;
  }

  private static Tensor parents(Inputs inputs, int[] queries) {
    int[][] parents = inputs.parents("parent", "M", queries);
    return Tensors.matrix(parents, inputs.size("M"));
  }
}
