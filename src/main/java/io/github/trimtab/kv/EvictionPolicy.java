package io.github.trimtab.kv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a cache forgets: asked once per layer and step, after that layer's attention.
 *
 * <p>A step is whatever appends several tokens at once: a scale of a visual autoregressive model, a
 * prompt or a token of a language model. Rows of a batch may stand at different steps. A policy
 * whose decision needs no state implements {@link #after} alone; one that gathers statistics of its
 * own overrides {@link #store(KvCache, int, int[], Tensor, NewTokens)}.
 */
public interface EvictionPolicy {
  /** The step of a row that takes no part. */
  int IDLE = -1;

  /**
   * The decision for a row of a layer.
   *
   * @param layer from 0
   * @param step from 0
   * @param newTokens new tokens of the row
   * @throws IllegalArgumentException if layer, step or the count is none that the policy knows
   */
  Retention after(int layer, int step, int newTokens);

  /**
   * Stores the new tokens of a step at which all rows stand.
   *
   * @param q queries [R,H,M,D] that score where the policy scores, row i belonging to new token i
   * @param fresh the step's keys and values
   */
  default void store(KvCache cache, int layer, int step, Tensor q, NewTokens fresh) {
    int[] steps = new int[cache.rows()];
    Arrays.fill(steps, step);
    store(cache, layer, steps, q, fresh);
  }

  /**
   * Stores the new tokens of rows that stand at steps of their own, and forgets in each what the
   * policy says.
   *
   * @param steps one for each row, or {@link #IDLE} for a row whose tokens, if any, are not stored
   * @param q queries [R,H,M,D] that score where the policy scores, row i belonging to new token i
   * @param fresh the steps' keys and values; their lengths say how many each row has
   */
  default void store(KvCache cache, int layer, int[] steps, Tensor q, NewTokens fresh) {
    cache.requireOneForEachRow("steps", steps.length);
    int[] newTokens = cache.newTokens(fresh);
    List<Retention> retentions = new ArrayList<>(steps.length);
    for (int row = 0; row < steps.length; row++) {
      retentions.add(
          steps[row] == IDLE ? new Retention.History() : after(layer, steps[row], newTokens[row]));
    }
    cache.store(layer, q, fresh, newTokens, retentions);
  }

  /** Whether it decides without the step's own results, so that a step may be planned. */
  default boolean decidesAhead() {
    return true;
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
    require(tokens >= 0, "tokens", tokens, "0 or more");
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
    require(sinks >= 0, "sinks", sinks, "0 or more");
    require(tokens >= sinks, "tokens", tokens, "at least the " + sinks + " first ones");
    Retention ends = new Retention.Ends(sinks, tokens - sinks);
    return (layer, step, newTokens) -> ends;
  }

  /**
   * Keeps tokens at random: what any choice must beat.
   *
   * @param tokens kept in each head, 0 or more
   * @param seed equal seeds keep equal tokens
   */
  static EvictionPolicy random(int tokens, long seed) {
    require(tokens >= 0, "tokens", tokens, "0 or more");
    return (layer, step, newTokens) ->
        new Retention.Sampled(seed + (((long) layer << 32) | step) * 0xD1342543DE82EF95L, tokens);
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
      public boolean decidesAhead() {
        return policy.decidesAhead();
      }

      @Override
      public void store(KvCache cache, int layer, int[] steps, Tensor q, NewTokens fresh) {
        int[] stored = steps.clone();
        boolean any = false;
        for (int row = 0; row < stored.length; row++) {
          stored[row] = stored[row] == lastStep ? IDLE : stored[row];
          any |= stored[row] != IDLE;
        }
        if (any) {
          policy.store(cache, layer, stored, q, fresh);
        }
      }
    };
  }
}
