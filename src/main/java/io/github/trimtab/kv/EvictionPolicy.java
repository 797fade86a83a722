package io.github.trimtab.kv;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Tensor;

/**
 * What a cache forgets: asked once per layer and step, after that layer's attention.
 *
 * <p>A step is whatever appends several tokens at once: a scale of a visual autoregressive model, a
 * prompt or a token of a language model. A policy whose decision needs no state implements {@link
 * #after} alone; one that gathers statistics of its own may override {@link #store}.
 */
public interface EvictionPolicy {
  /**
   * The decision for a layer.
   *
   * @param layer from 0
   * @param step from 0
   * @param newTokens new tokens of each row
   * @throws IllegalArgumentException if layer, step or the count is none that the policy knows
   */
  Retention after(int layer, int step, int newTokens);

  /**
   * Stores a step's new tokens in a layer and forgets what the policy says. All rows of the cache
   * stand at the same step.
   *
   * @param q queries [R,H,M,D] that score where the policy scores, row i belonging to new token i
   * @param fresh the step's keys and values
   */
  default void store(KvCache cache, int layer, int step, Tensor q, NewTokens fresh) {
    cache.store(layer, q, fresh, after(layer, step, fresh.capacity()));
  }

  /** Forgets nothing: the full cache. */
  static EvictionPolicy full() {
    return (layer, step, newTokens) -> new Retention.All();
  }

  /**
   * Keeps the newest tokens.
   *
   * @param tokens kept, 0 or more
   */
  static EvictionPolicy slidingWindow(int tokens) {
    Retention newest = new Retention.Ends(0, tokens);
    return (layer, step, newTokens) -> newest;
  }

  /**
   * Keeps the first tokens, into which attention sinks, and the newest (StreamingLLM, arXiv
   * 2309.17453, section 3.2).
   *
   * @param sinks first tokens kept, 0 or more; four in the paper
   * @param tokens kept in all, at least {@code sinks}
   */
  static EvictionPolicy streamingLlm(int sinks, int tokens) {
    Retention ends = new Retention.Ends(sinks, tokens - sinks);
    return (layer, step, newTokens) -> ends;
  }

  /**
   * This policy, except that a last step is attended to and never stored, since nothing follows it.
   *
   * @param lastStep that step, from 0
   */
  default EvictionPolicy storingNothingAt(int lastStep) {
    EvictionPolicy policy = this;
    return new EvictionPolicy() {
      @Override
      public Retention after(int layer, int step, int newTokens) {
        return step == lastStep ? new Retention.History() : policy.after(layer, step, newTokens);
      }

      @Override
      public void store(KvCache cache, int layer, int step, Tensor q, NewTokens fresh) {
        if (step != lastStep) {
          policy.store(cache, layer, step, q, fresh);
        }
      }
    };
  }
}
