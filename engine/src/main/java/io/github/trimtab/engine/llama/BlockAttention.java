package io.github.trimtab.engine.llama;

import org.jspecify.annotations.Nullable;

/** How the blocks' tokens see each other and what was before; one step of all layers in order. */
interface BlockAttention {

  /**
   * Brings to where operations run what the step reads there, and says which steps are alike: those
   * whose every operation has the same arguments.
   *
   * @return equal for steps that are alike; null if this one is not worth remembering
   */
  @Nullable Object prepare();

  /** The position of each token of the step; -1 for a place without one. */
  int[] positions();

  /**
   * Attends in one layer: has queries, keys and values put where operations read them, and results
   * taken from there.
   */
  void attend(int layer, Streams streams);
}
