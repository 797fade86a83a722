package io.github.trimtab.engine.var;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
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
   * @return attention for that scale, which waits for {@link KvCache#settle}
   */
  Attention plan(int scale, Tensor q, Tensor k, Tensor v) {
    NewTokens fresh = new NewTokens(k, v);
    cache.plan(layer -> policy.store(cache, layer, scale, q, fresh));
    return (layer, same, queries, keys, values, out) -> {
      cache.attend(layer, queries, fresh, SCALE, out);
      cache.storePlanned(layer);
    };
  }
}
