package io.github.trimtab.engine.var;

import io.github.trimtab.memory.Tensor;

/** Where a block leaves its keys and values, and gets attention over all that is remembered. */
@FunctionalInterface
public interface Attention {

  /**
   * Attends to everything remembered of a layer and to the new map, then remembers what is to stay.
   *
   * @param layer 0-based
   * @param scale 0-based
   * @param q queries of the map, [rows, heads, tokens, head_dim], a view of the engine's own memory
   * @param k,v its keys and values, like q
   * @param out receives the result, like q
   */
  void attend(int layer, int scale, Tensor q, Tensor k, Tensor v, Tensor out);
}
