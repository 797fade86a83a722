package io.github.trimtab.speculative;

import io.github.trimtab.memory.Tensor;

/**
 * The body of a model that drafts for one sequence: tokens in, hidden vectors out; a {@link
 * DraftHead} makes logits of them.
 *
 * <p>A round is one {@link #begin} and any number of {@link #extend}. Drafters on their own cache
 * keep what {@code begin} names; drafters on the target's features (EAGLE) forget all they drafted
 * and run the emitted tokens anew, with the features of the target's last step, whose {@link
 * TargetModel#keep} has returned by then.
 *
 * <p>Threads: one at a time.
 */
public interface DraftModel {
  /**
   * Starts a round behind the tokens that have been emitted.
   *
   * @param nodes the nodes of the last round that the target accepted, from the top of the tree
   *     down, numbered as {@link #extend} saw them; all other nodes of that round are forgotten
   * @param kept how many nodes, 0 or more
   * @param tokens what was emitted since the last call: the tokens of {@code nodes}, then at least
   *     one that this model has not run
   * @param count how many tokens
   * @return hidden vector [1,d] of the last of {@code tokens}, the round's root; valid until the
   *     next call
   */
  Tensor begin(int[] nodes, int kept, int[] tokens, int count);

  /**
   * Runs drafted nodes. The nodes of a round are numbered from 0 on, through all of its calls.
   *
   * @param tokens the nodes' ids
   * @param parents each node's parent, an earlier node of the round, or -1 for the root
   * @param count nodes, 1 or more
   * @return hidden vectors [count,d] of these nodes; valid until the next call
   */
  Tensor extend(int[] tokens, int[] parents, int count);
}
