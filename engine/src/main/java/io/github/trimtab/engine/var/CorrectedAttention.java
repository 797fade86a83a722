package io.github.trimtab.engine.var;

import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.OutputCorrection;

/** Attention on the host to whose outputs is added what they are known to lack. */
public record CorrectedAttention(Attention attention, OutputCorrection correction)
    implements Attention {
  @Override
  public void attend(int layer, int scale, Tensor q, Tensor k, Tensor v, Tensor out) {
    attention.attend(layer, scale, q, k, v, out);
    correction.add(layer, scale, q, out);
  }
}
