package io.github.trimtab.speculative;

/**
 * A target that can say which tokens are the most probable without handing out its logits, which is
 * all that a greedy text needs.
 */
public interface GreedyTarget extends TargetModel {
  /**
   * Whether {@link #stepGreedily} is quicker than {@link #step}; else greedy texts use the latter.
   */
  boolean namesLikeliest();

  /**
   * Runs a tree of tokens as {@link #step} does.
   *
   * @param likeliest result: the token of the highest logit after each node (ties: the lower id)
   * @throws IllegalArgumentException if the highest logit is no finite number
   */
  void stepGreedily(int[] tokens, int[] parents, int count, int[] likeliest);
}
