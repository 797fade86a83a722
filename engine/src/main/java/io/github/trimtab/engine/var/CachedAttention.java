package io.github.trimtab.engine.var;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PlannedStep;
import io.github.trimtab.memory.Tensor;

/**
 * Attention over a paged cache that forgets: each map attends to what a layer holds and to itself,
 * then the policy says what the layer keeps.
 *
 * @param cache of the model's layers and the two guidance rows, empty when a picture begins
 * @param policy sees scales as steps
 */
public record CachedAttention(KvCache cache, EvictionPolicy policy) implements Attention {

  /** The model scales its unit queries itself, so logits are plain products. */
  private static final float SCALE = 1;

  @Override
  public void attend(int layer, int scale, Tensor q, Tensor k, Tensor v, Tensor out) {
    NewTokens fresh = new NewTokens(k, v);
    cache.attend(layer, q, fresh, SCALE, out);
    policy.store(cache, layer, scale, q, fresh);
  }

  /**
   * Plans a scale on a device, so that attention does the same each time that the scale comes.
   *
   * @param q,k,v of every layer's map, where each layer will find them
   */
  Planned plan(int scale, Tensor q, Tensor k, Tensor v) {
    NewTokens fresh = new NewTokens(k, v);
    return new Planned(
        cache, cache.plan(layer -> policy.store(cache, layer, scale, q, fresh)), fresh);
  }

  /** Attention of a planned scale, until it is closed. */
  record Planned(KvCache cache, PlannedStep step, NewTokens fresh)
      implements Attention, AutoCloseable {
    @Override
    public void attend(int layer, int scale, Tensor q, Tensor k, Tensor v, Tensor out) {
      cache.attend(layer, q, fresh, SCALE, out);
      step.store(layer);
    }

    @Override
    public void close() {
      step.close();
    }
  }
}
