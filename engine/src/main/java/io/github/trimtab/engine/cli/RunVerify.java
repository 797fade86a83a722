package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run verify}. */
@Command(
    name = "verify",
    description = {
      "Decide which drafted tokens become text.",
      "",
      "In, by method (B rows, g drafts, T nodes, n siblings, V ids of the vocabulary, k kept"
          + " ones):",
      "chain: target [B,g+1,V], draft [B,g,k], ids [k], tokens [B,g], accept_u [B,g], sample_u"
          + " [B].",
      "greedy: target [B,g+1,V], tokens [B,g].",
      "tree: target [B,T+1,V] (row 0 at the root, row i+1 after node i), parent [B,T] (-1: root),"
          + " tokens [B,T], sample_u [B,T+1].",
      "multiround: target [B,V], draft [B,k], ids [k], tokens [B,n] drawn without replacement,"
          + " accept_u [B,n], sample_u [B].",
      "Probabilities are F32 and sum to 1 within 1e-3; uniforms lie in [0,1).",
      "Out: tokens [B,g+1], [B,T+1] or [B,1], -1 in unused places; accepted [B]: how many, or for"
          + " multiround which sibling (-1: none).",
      "",
      "Settings: method=chain|greedy|tree|multiround (required)."
    })
final class RunVerify extends RunOperation {
  private enum Method {
    CHAIN,
    GREEDY,
    TREE,
    MULTIROUND
  }

  private static final Map<String, Method> METHODS =
      Map.of(
          "chain", Method.CHAIN,
          "greedy", Method.GREEDY,
          "tree", Method.TREE,
          "multiround", Method.MULTIROUND);

  /** What the operation's arguments are called in files, where names differ. */
  private static final Map<String, String> TENSORS =
      Map.of("acceptU", "accept_u", "sampleU", "sample_u", "parents", "parent");

  @Override
  Set<String> keys() {
    return new TreeSet<>(Set.of("method", "precision"));
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    Method method = settings.choice("method", "", METHODS);
    Tensor tokens = inputs.integers("tokens", "B", "drafted");
    Tensor target =
        method == Method.MULTIROUND
            ? inputs.f32("target", "B", "V")
            : inputs.f32("target", "B", "drafted + 1", "V");
    int batch = inputs.size("B");
    int places = method == Method.MULTIROUND ? 1 : (int) target.size(1);
    Tensor emitted = Tensors.zeros(DType.I32, batch, places);
    Tensor accepted = Tensors.zeros(DType.I32, batch);
    try {
      kernels.verify(
          switch (method) {
            case CHAIN ->
                new Verify.Chain(
                    target,
                    inputs.f32("draft", "B", "drafted", "k"),
                    inputs.integers("ids", "k"),
                    tokens,
                    Tensors.toF32(inputs.floats("accept_u", "B", "drafted")),
                    Tensors.toF32(inputs.floats("sample_u", "B")),
                    emitted,
                    accepted);
            case GREEDY -> new Verify.Greedy(target, tokens, emitted, accepted);
            case TREE ->
                new Verify.Tree(
                    target,
                    inputs.integers("parent", "B", "drafted"),
                    tokens,
                    Tensors.toF32(inputs.floats("sample_u", "B", "drafted + 1")),
                    emitted,
                    accepted);
            case MULTIROUND ->
                new Verify.MultiRound(
                    target,
                    inputs.f32("draft", "B", "k"),
                    inputs.integers("ids", "k"),
                    tokens,
                    Tensors.toF32(inputs.floats("accept_u", "B", "drafted")),
                    Tensors.toF32(inputs.floats("sample_u", "B")),
                    emitted,
                    accepted);
          });
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(inputs.named(e, TENSORS), e);
    }
    return Map.of("tokens", Tensors.toI64(emitted), "accepted", Tensors.toI64(accepted));
  }
}
