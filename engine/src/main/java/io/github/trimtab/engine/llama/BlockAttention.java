package io.github.trimtab.engine.llama;

/** How the blocks' tokens see each other and what was before; one step of all layers in order. */
@FunctionalInterface
interface BlockAttention {

  /**
   * Attends in one layer.
   *
   * @param count tokens of the step
   * @param qkv queries, keys and values of each token side by side [count, (H + 2 G) D]
   * @param attended receives [count, H D]
   */
  void attend(int layer, int count, float[] qkv, float[] attended);
}
