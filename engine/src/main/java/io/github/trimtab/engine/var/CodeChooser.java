package io.github.trimtab.engine.var;

import java.lang.foreign.MemorySegment;

/** Decides the codes of a map from its logits. */
@FunctionalInterface
public interface CodeChooser {

  /**
   * Chooses one code for each token of a map.
   *
   * @param scale 0-based
   * @param logits [rows, tokens, codes], F32; with guidance, the row with the class comes before
   *     the row without; valid during the call only
   * @param tokens tokens of the map
   */
  int[] choose(int scale, MemorySegment logits, int tokens);
}
