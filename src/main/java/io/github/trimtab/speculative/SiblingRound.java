package io.github.trimtab.speculative;

import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;
import java.util.BitSet;
import java.util.List;

/**
 * A tree of siblings drawn without replacement. Uniforms: one a drafted node in their order, then,
 * at every node that verification reaches, one for each child's acceptance and one for the draw.
 */
final class SiblingRound implements Round {
  private static final BitSet NOTHING_SEEN = new BitSet();

  private final TargetSide target;
  private final DraftSide draft;
  private final List<Integer> widths;
  private final Warper warper;
  private final Draw draw;
  private final int inner;
  private final int[] rowOf = new int[DraftTree.MOST + 1];
  private final int[] tokens = new int[DraftTree.MOST];
  private final int[] parents = new int[DraftTree.MOST];
  private final int[] children = new int[DraftTree.MOST];
  private final float[] acceptU = new float[DraftTree.MOST];
  private final float[] sampleU = new float[1];
  private final int[] one = new int[1];
  private final int[] accepted = new int[1];
  private float[] q = new float[0];
  private float[] rest = new float[0];

  SiblingRound(TargetSide target, DraftSide draft, Drafting.Siblings siblings) {
    this.target = target;
    this.draft = draft;
    this.widths = siblings.widths();
    this.warper = new Warper(siblings.warping());
    this.draw = new Draw(target);
    this.inner = siblings.inner();
  }

  @Override
  public void draft(DraftTree tree) {
    draft.begin();
    int kept = draft.size();
    if (rest.length < kept) {
      q = new float[Math.multiplyExact(inner, kept)];
      rest = new float[kept];
    }
    int rows = 0;
    int first = -1;
    int end = 0;
    for (int level = 0; level < widths.size() && first < end; level++) {
      if (level > 0) {
        run(tree, first, end);
      }
      draft.logits(Tensor.wrap(q, inner, kept).narrow(0, rows, end - first));
      for (int node = first; node < end; node++) {
        rowOf[node + 1] = rows;
        drawChildren(tree, node, rows * kept, kept, widths.get(level));
        rows++;
      }
      first = end;
      end = tree.size();
    }
  }

  /** Runs a level's nodes on the draft model. */
  private void run(DraftTree tree, int first, int end) {
    for (int node = first; node < end; node++) {
      tokens[node - first] = tree.token(node);
      int parent = tree.parent(node);
      parents[node - first] = parent < 0 ? -1 : tree.run(parent);
    }
    int run = draft.extend(tokens, parents, end - first);
    for (int node = first; node < end; node++) {
      tree.setRun(node, run + node - first);
    }
  }

  /** Draws siblings from the row at {@code at}, fewer where its support ends. */
  private void drawChildren(DraftTree tree, int node, int at, int kept, int width) {
    warper.apply(q, at, kept, NOTHING_SEEN);
    System.arraycopy(q, at, rest, 0, kept);
    double left = 1;
    for (int i = 0; i < width && left > 0; i++) {
      int place = draw.from(Tensor.wrap(rest, 1, 1, kept));
      int _ = tree.add(draft.id(place), node);
      rest[place] = 0f;
      left = 0;
      for (int j = 0; j < kept; j++) {
        left += rest[j];
      }
      for (int j = 0; j < kept && left > 0; j++) {
        rest[j] = (float) (rest[j] / left);
      }
    }
  }

  @Override
  public int verify(DraftTree tree, int[] path, int[] emitted) {
    int node = -1;
    for (int depth = 0; true; depth++) {
      int count = children(tree, node);
      if (count == 0) {
        emitted[depth] = draw.from(target.rows(node + 1, 1));
        return depth;
      }
      int sibling = verify(tree, node, count);
      emitted[depth] = one[0];
      if (sibling < 0) {
        return depth;
      }
      node = children[sibling];
      path[depth] = node;
    }
  }

  private int children(DraftTree tree, int parent) {
    int count = 0;
    for (int node = parent + 1; node < tree.size(); node++) {
      if (tree.parent(node) == parent) {
        children[count++] = node;
      }
    }
    return count;
  }

  /** Verifies a node's children; which one is accepted, or -1. */
  private int verify(DraftTree tree, int node, int count) {
    for (int i = 0; i < count; i++) {
      tokens[i] = tree.token(children[i]);
    }
    target.uniforms(acceptU, count);
    target.uniforms(sampleU, 1);
    int kept = draft.size();
    target.verify(
        new Verify.MultiRound(
            target.row(node + 1),
            Tensor.wrap(q, inner, kept).narrow(0, rowOf[node + 1], 1),
            draft.ids(),
            Tensor.wrap(tokens, 1, count),
            Tensor.wrap(acceptU, 1, count),
            Tensor.wrap(sampleU, 1),
            Tensor.wrap(one, 1, 1),
            Tensor.wrap(accepted, 1)));
    return accepted[0];
  }
}
