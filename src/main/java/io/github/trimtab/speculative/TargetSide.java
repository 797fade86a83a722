package io.github.trimtab.speculative;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.BitSet;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The target from round to round: its warped rows, or where it is greedy its likeliest tokens, the
 * text's ids, and the caller's uniforms.
 */
final class TargetSide {
  private final Kernels kernels;
  private final TargetModel model;
  // The model, if it can name the tokens that a greedy text needs.
  private final @Nullable GreedyTarget greedy;
  private final Warper warper;
  private final RandomGenerator random;
  private final int vocabulary;
  private final float[] values;
  private final Tensor logits;
  private final int[] likeliest = new int[DraftTree.MOST + 1];
  private final int[] tokens = new int[DraftTree.MOST + 1];
  private final int[] parents = new int[DraftTree.MOST + 1];
  private final BitSet seen = new BitSet();
  private int root;

  TargetSide(
      Kernels kernels,
      TargetModel model,
      Warping warping,
      RandomGenerator random,
      int[] prompt,
      int nodes) {
    this.kernels = kernels;
    this.model = model;
    this.warper = new Warper(warping);
    this.random = random;
    this.vocabulary = model.vocabulary();
    this.greedy =
        warping.isGreedy()
                && warping.repetitionPenalty() == 1
                && model instanceof GreedyTarget able
                && able.namesLikeliest()
            ? able
            : null;
    int rows = greedy == null ? nodes + 1 : 0;
    this.values = new float[Math.multiplyExact(rows, vocabulary)];
    this.logits = Tensor.wrap(values, rows, vocabulary);
    if (prompt.length == 0) {
      throw new IllegalArgumentException("prompt: no token, expected one or more");
    }
    for (int token : prompt) {
      if (token < 0 || token >= vocabulary) {
        throw new IllegalArgumentException(
            "prompt: token " + token + ", expected 0 to " + (vocabulary - 1));
      }
      seen.set(token);
      root = token;
    }
  }

  /** A uniform in [0, 1). */
  float uniform() {
    return random.nextFloat();
  }

  /** Fills an array with uniforms in [0, 1). */
  void uniforms(float[] to, int count) {
    for (int i = 0; i < count; i++) {
      to[i] = uniform();
    }
  }

  void verify(Verify op) {
    kernels.verify(op);
  }

  /** Hands the model the root and a tree. */
  void step(DraftTree tree) {
    int count = tree.size() + 1;
    tokens[0] = root;
    parents[0] = -1;
    for (int node = 0; node < tree.size(); node++) {
      tokens[node + 1] = tree.token(node);
      parents[node + 1] = tree.parent(node) + 1;
    }
    if (greedy != null) {
      greedy.stepGreedily(tokens, parents, count, likeliest);
    } else {
      model.step(tokens, parents, count, logits.narrow(0, 0, count));
    }
  }

  /** Whether the text takes the likeliest tokens, which {@link #follow} then finds. */
  boolean isGreedy() {
    return warper.warping().isGreedy();
  }

  /**
   * Follows the likeliest tokens down a tree.
   *
   * @param path result: accepted nodes from the top down
   * @param emitted result: their tokens and one more
   * @return how many nodes were accepted
   */
  int follow(DraftTree tree, int[] path, int[] emitted) {
    int node = -1;
    for (int depth = 0; true; depth++) {
      emitted[depth] = likeliest[node + 1];
      node = tree.child(node, emitted[depth]);
      if (node < 0) {
        return depth;
      }
      path[depth] = node;
    }
  }

  /**
   * Warps what the model's step said; {@link #rows} then holds the distributions, unless the target
   * is greedy.
   */
  void warp(DraftTree tree) {
    if (greedy != null) {
      return;
    }
    warp(0, 0L, tree);
    for (int node = 0; node < tree.size(); node++) {
      warp(node + 1, tree.ancestors(node), tree);
    }
  }

  /** Warps a row whose text is what was seen and the tokens of a path. */
  private void warp(int row, long path, DraftTree tree) {
    long added = 0;
    for (long rest = path; rest != 0; rest &= rest - 1) {
      int token = tree.token(Long.numberOfTrailingZeros(rest));
      if (!seen.get(token)) {
        seen.set(token);
        added |= rest & -rest;
      }
    }
    if (isGreedy()) {
      likeliest[row] = warper.likeliest(values, row * vocabulary, vocabulary, seen);
    } else {
      warper.apply(values, row * vocabulary, vocabulary, seen);
    }
    for (long rest = added; rest != 0; rest &= rest - 1) {
      seen.clear(tree.token(Long.numberOfTrailingZeros(rest)));
    }
  }

  /** Warped rows {@code [first, first + count)} as [1,count,V]; row 0 is the root's. */
  Tensor rows(int first, int count) {
    return Tensor.strided(
        DType.F32,
        logits.buffer(),
        logits.offset(first),
        new long[] {1, count, vocabulary},
        new long[] {(long) count * vocabulary, vocabulary, 1});
  }

  /** One warped row as [1,V]. */
  Tensor row(int row) {
    return logits.narrow(0, row, 1);
  }

  /** Ends a round: holds the accepted path, and the last emitted token is the next root. */
  void end(int[] path, int accepted, int[] emitted) {
    tokens[0] = 0;
    for (int i = 0; i < accepted; i++) {
      tokens[i + 1] = path[i] + 1;
    }
    model.keep(tokens, accepted + 1);
    for (int i = 0; i <= accepted; i++) {
      seen.set(emitted[i]);
    }
    root = emitted[accepted];
  }
}
