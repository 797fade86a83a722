package io.github.trimtab.engine.study;

import java.util.List;

/**
 * The maps of one picture, given to the model instead of drawn by it.
 *
 * @param label class, 0-based
 * @param codes the codes of each scale's map
 */
public record TokenMaps(int label, List<int[]> codes) {

  /** Copies the list; the maps themselves are shared. */
  public TokenMaps {
    codes = List.copyOf(codes);
  }
}
