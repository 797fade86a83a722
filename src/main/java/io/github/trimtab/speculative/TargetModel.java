package io.github.trimtab.speculative;

import io.github.trimtab.memory.Tensor;

/**
 * The model whose text is wanted, as speculation drives it: one sequence, tokens in, logits out.
 *
 * <p>A round is one {@link #step} over the token that was emitted last and all that was drafted
 * behind it, then one {@link #keep} of those that became text.
 *
 * <p>Threads: one at a time.
 */
public interface TargetModel {
  /** Vocabulary size V. */
  int vocabulary();

  /**
   * Runs a tree of tokens behind the tokens that the model holds, without holding them yet.
   *
   * @param tokens the nodes' ids; node 0 is the root, all others descend from it
   * @param parents each node's parent, an earlier node; -1 for the root. Of a chain: -1, 0, 1, ...
   * @param count nodes, 1 to 64
   * @param logits result [count,V], F32: row i is about the token that follows node i
   */
  void step(int[] tokens, int[] parents, int count, Tensor logits);

  /**
   * Holds a path of the last step's nodes from now on and forgets its other nodes.
   *
   * @param nodes the path from the root down, rising; of a chain: 0, 1, 2, ...
   * @param count nodes of the path, 1 or more
   */
  void keep(int[] nodes, int count);
}
