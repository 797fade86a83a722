package io.github.trimtab.speculative;

import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;
import java.util.BitSet;

/**
 * A chain of drawn tokens. Uniforms are taken in this order: one a draft, then acceptance of each,
 * then the draw.
 */
final class ChainRound implements Round {
  private static final BitSet NOTHING_SEEN = new BitSet();

  private final TargetSide target;
  private final DraftSide draft;
  private final Warper warper;
  private final Draw draw;
  private final int length;
  private final int[] tokens;
  private final float[] acceptU;
  private final float[] sampleU = new float[1];
  private final int[] accepted = new int[1];
  private final int[] token = new int[1];
  private final int[] parent = new int[1];
  private float[] q = new float[0];

  ChainRound(TargetSide target, DraftSide draft, Drafting.Chain chain) {
    this.target = target;
    this.draft = draft;
    this.warper = new Warper(chain.warping());
    this.draw = new Draw(target);
    this.length = chain.length();
    this.tokens = new int[length];
    this.acceptU = new float[length];
  }

  @Override
  public void draft(DraftTree tree) {
    draft.begin();
    int kept = draft.size();
    if (q.length < (long) length * kept) {
      q = new float[Math.multiplyExact(length, kept)];
    }
    Tensor rows = Tensor.wrap(q, 1, length, kept);
    Tensor logits = Tensor.wrap(q, length, kept);
    for (int i = 0; i < length; i++) {
      if (i > 0) {
        token[0] = tokens[i - 1];
        parent[0] = i - 2;
        tree.setRun(i - 1, draft.extend(token, parent, 1));
      }
      draft.logits(logits.narrow(0, i, 1));
      warper.apply(q, i * kept, kept, NOTHING_SEEN);
      tokens[i] = draft.id(draw.from(rows.narrow(1, i, 1)));
      int _ = tree.add(tokens[i], i - 1);
    }
  }

  @Override
  public int verify(DraftTree tree, int[] path, int[] emitted) {
    target.uniforms(acceptU, length);
    target.uniforms(sampleU, 1);
    target.verify(
        new Verify.Chain(
            target.rows(0, length + 1),
            Tensor.wrap(q, 1, length, draft.size()),
            draft.ids(),
            Tensor.wrap(tokens, 1, length),
            Tensor.wrap(acceptU, 1, length),
            Tensor.wrap(sampleU, 1),
            Tensor.wrap(emitted, 1, length + 1),
            Tensor.wrap(accepted, 1)));
    for (int i = 0; i < accepted[0]; i++) {
      path[i] = i;
    }
    return accepted[0];
  }
}
