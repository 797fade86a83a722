package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.CodeChooser;
import io.github.trimtab.engine.var.Sampler;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Hands a chooser of one row the logits of guidance, made of those of both rows.
 *
 * @param guidance says how much
 * @param codes of the codebook
 */
record GuidedChooser(Sampler guidance, int codes, CodeChooser chooser) implements CodeChooser {
  @Override
  public int[] choose(int scale, MemorySegment logits, int tokens) {
    float t = guidance.guidance(scale);
    float[] guided = new float[tokens * codes];
    for (int i = 0; i < guided.length; i++) {
      float with = logits.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      float without = logits.getAtIndex(ValueLayout.JAVA_FLOAT, (long) guided.length + i);
      guided[i] = (1 + t) * with - t * without;
    }
    return chooser.choose(scale, MemorySegment.ofArray(guided), tokens);
  }
}
