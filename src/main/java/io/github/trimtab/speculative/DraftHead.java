package io.github.trimtab.speculative;

import io.github.trimtab.memory.Tensor;

/**
 * What turns a draft model's hidden vectors into logits over the ids that it keeps.
 *
 * <p>Threads: one at a time.
 */
public interface DraftHead {
  /**
   * The kept ids [k], I32, in the order of the logits: each in [0,V), none twice. They stay as they
   * are from a round's beginning to its end.
   */
  Tensor ids();

  /**
   * Logits of the kept ids.
   *
   * @param hidden vectors [n,d]
   * @param logits result [n,k], F32
   */
  void logits(Tensor hidden, Tensor logits);

  /**
   * The highest logits, descending (ties: the earlier place in {@link #ids}), and log-sum-exp over
   * all kept ids.
   *
   * @param hidden vectors [n,d]
   * @param ids result [n,t], I32: ids of the vocabulary; t is at most k
   * @param values result [n,t], F32: their logits
   * @param logSumExp result [n], F32
   */
  void top(Tensor hidden, Tensor ids, Tensor values, Tensor logSumExp);
}
