package io.github.trimtab.speculative;

import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;

/** Draws from rows of probabilities: a verified chain without drafts. */
final class Draw {
  private static final Tensor NO_FLOATS = Tensor.wrap(new float[0], 1, 0);
  private static final Tensor NO_ROWS = Tensor.wrap(new float[0], 1, 0, 0);
  private static final Tensor NO_TOKENS = Tensor.wrap(new int[0], 1, 0);
  private static final Tensor NO_IDS = Tensor.wrap(new int[0], 0);

  private final TargetSide target;
  private final float[] uniform = new float[1];
  private final int[] drawn = new int[1];
  private final Tensor sampleU = Tensor.wrap(uniform, 1);
  private final Tensor emitted = Tensor.wrap(drawn, 1, 1);
  private final Tensor accepted = Tensor.wrap(new int[1], 1);

  Draw(TargetSide target) {
    this.target = target;
  }

  /** A place of a row [1,1,n], with the next uniform. */
  int from(Tensor row) {
    uniform[0] = target.uniform();
    target.verify(
        new Verify.Chain(row, NO_ROWS, NO_IDS, NO_TOKENS, NO_FLOATS, sampleU, emitted, accepted));
    return drawn[0];
  }
}
