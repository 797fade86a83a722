package io.github.trimtab.speculative;

import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;

/**
 * A tree of the draft's most probable tokens. Uniforms: one for the root and one for each node, in
 * their order.
 */
final class TreeRound implements Round {
  private final TargetSide target;
  private final TreeExpansion expansion;
  private final int[] tokens = new int[DraftTree.MOST];
  private final int[] parents = new int[DraftTree.MOST];
  private final float[] uniforms = new float[DraftTree.MOST + 1];
  private final int[] accepted = new int[1];

  TreeRound(TargetSide target, DraftSide draft, Drafting.Tree tree) {
    this.target = target;
    this.expansion = new TreeExpansion(draft, tree);
  }

  @Override
  public void draft(DraftTree tree) {
    expansion.grow(tree);
  }

  @Override
  public int verify(DraftTree tree, int[] path, int[] emitted) {
    int nodes = tree.size();
    for (int node = 0; node < nodes; node++) {
      tokens[node] = tree.token(node);
      parents[node] = tree.parent(node);
    }
    target.uniforms(uniforms, nodes + 1);
    target.verify(
        new Verify.Tree(
            target.rows(0, nodes + 1),
            Tensor.wrap(parents, 1, nodes),
            Tensor.wrap(tokens, 1, nodes),
            Tensor.wrap(uniforms, 1, nodes + 1),
            Tensor.wrap(emitted, 1, nodes + 1),
            Tensor.wrap(accepted, 1)));
    for (int i = 0; i < accepted[0]; i++) {
      path[i] = tree.child(i == 0 ? -1 : path[i - 1], emitted[i]);
    }
    return accepted[0];
  }
}
