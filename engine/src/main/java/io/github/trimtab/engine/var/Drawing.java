package io.github.trimtab.engine.var;

import io.github.trimtab.engine.image.Picture;
import java.util.List;

/**
 * A finished picture.
 *
 * @param codes the codes of each scale's map
 * @param picture what they look like
 */
public record Drawing(List<int[]> codes, Picture picture) {

  /** The share of places that hold the same code in another drawing of the same schedule. */
  public double equalCodes(Drawing other) {
    long equal = 0;
    long all = 0;
    for (int scale = 0; scale < codes.size(); scale++) {
      for (int i = 0; i < codes.get(scale).length; i++) {
        equal += codes.get(scale)[i] == other.codes.get(scale)[i] ? 1 : 0;
        all++;
      }
    }
    return (double) equal / all;
  }
}
