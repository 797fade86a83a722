package io.github.trimtab.engine.llama;

/** How the blocks' tokens see each other and what was before; one step of all layers in order. */
interface BlockAttention {

  /** The position of each token of the step; -1 for a place without one. */
  int[] positions();

  /**
   * Attends in one layer: has queries, keys and values put where operations read them, and results
   * taken from there.
   */
  void attend(int layer, Streams streams);
}
