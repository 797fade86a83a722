package io.github.trimtab.speculative;

import static io.github.trimtab.internal.Arguments.require;

import java.util.List;

/** What is drafted in a round, and thereby how it is verified. All of it is lossless. */
public sealed interface Drafting {
  /** Most nodes that a round drafts. */
  int nodes();

  /** Draft model passes one after the other in a round, the gamma of {@link SpeedUp}. */
  int depth();

  /**
   * A chain of tokens, each drawn from the draft's warped distribution and verified with
   * probability min(1, p/q). A greedy chain is {@code new Tree(1, length, length)}.
   *
   * @param length tokens, 1 to 63
   * @param warping how the draft's logits become q: not greedy, no repetition penalty; it need not
   *     be the target's
   */
  record Chain(int length, Warping warping) implements Drafting {
    /** Checks the ranges. */
    public Chain {
      require(length >= 1 && length <= DraftTree.MOST, "length", length, "1 to " + DraftTree.MOST);
      sampled(warping);
    }

    @Override
    public int nodes() {
      return length;
    }

    @Override
    public int depth() {
      return length;
    }
  }

  /**
   * A tree of the draft's most probable tokens, grown as EAGLE-2 does (Li et al. 2024, section 4):
   * each level takes the {@code width} best children of each of the {@code width} best nodes by
   * cumulative log q, and of all nodes tried the best {@code nodes} are verified. Nothing is drawn
   * while drafting, so verification needs the target alone.
   *
   * @param width children tried of a node, and nodes expanded of a level, 1 to 63
   * @param depth levels, 1 or more
   * @param nodes most nodes verified, 1 to 63
   */
  record Tree(int width, int depth, int nodes) implements Drafting {
    /** Checks the ranges. */
    public Tree {
      require(width >= 1 && width <= DraftTree.MOST, "width", width, "1 to " + DraftTree.MOST);
      require(depth >= 1 && depth <= DraftTree.MOST, "depth", depth, "1 to " + DraftTree.MOST);
      require(nodes >= 1 && nodes <= DraftTree.MOST, "nodes", nodes, "1 to " + DraftTree.MOST);
    }
  }

  /**
   * A tree of siblings drawn without replacement, verified in several rounds a node (SpecInfer,
   * Miao et al. 2024).
   *
   * @param widths siblings below each node of a level, from the root down; 1 or more each, and at
   *     most 63 nodes in all
   * @param warping as of {@link Chain}
   */
  record Siblings(List<Integer> widths, Warping warping) implements Drafting {
    /** Checks the ranges. */
    public Siblings {
      widths = List.copyOf(widths);
      boolean positive = !widths.isEmpty() && widths.stream().allMatch(width -> width >= 1);
      require(
          positive && count(widths) <= DraftTree.MOST,
          "widths",
          widths,
          "1 or more each, and at most " + DraftTree.MOST + " nodes in all");
      sampled(warping);
    }

    private static long count(List<Integer> widths) {
      long level = 1;
      long all = 0;
      for (int width : widths) {
        level = Math.min(level * width, Integer.MAX_VALUE);
        all += level;
      }
      return all;
    }

    @Override
    public int nodes() {
      return (int) count(widths);
    }

    /** Nodes that have children, the root included. */
    int inner() {
      return 1 + (int) count(widths.subList(0, widths.size() - 1));
    }

    @Override
    public int depth() {
      return widths.size();
    }
  }

  private static void sampled(Warping warping) {
    require(
        !warping.isGreedy() && warping.repetitionPenalty() == 1,
        "warping",
        warping,
        "a temperature above 0 and no repetition penalty");
  }
}
