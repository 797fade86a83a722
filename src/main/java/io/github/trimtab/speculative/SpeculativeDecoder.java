package io.github.trimtab.speculative;

import io.github.trimtab.kernel.Kernels;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Decodes one sequence, several tokens a target pass, with the target's own distribution.
 *
 * <p>A round: the draft model drafts, the target steps over the last emitted token and all drafts,
 * verification decides, both models keep what became text. With a greedy target the text is the
 * target's greedy text, as far as its logits do not depend on how many tokens a step has.
 *
 * <p>All uniforms come from the caller's generator, in an order that depends on nothing but the
 * method and what was drafted and emitted before; verification takes none where the target is
 * greedy, since its likeliest tokens decide.
 *
 * <p>Threads: one at a time.
 */
public final class SpeculativeDecoder {
  private final TargetSide target;
  private final @Nullable DraftSide draft;
  private final Round round;
  private final int depth;
  private final int most;
  private final DraftTree tree = new DraftTree();
  private final int[] path = new int[DraftTree.MOST];
  private boolean begun;
  private long rounds;
  private long accepted;

  private SpeculativeDecoder(
      TargetSide target, @Nullable DraftSide draft, Round round, int depth, int most) {
    this.target = target;
    this.draft = draft;
    this.round = round;
    this.depth = depth;
    this.most = most;
  }

  /**
   * A decoder behind a prompt.
   *
   * @param kernels verify the drafts
   * @param target holds the prompt without its last token
   * @param draft likewise; its first {@link DraftModel#begin} gets the prompt's last token
   * @param heads the draft model's heads
   * @param drafting what is drafted in a round
   * @param warping how the target's logits become its distribution
   * @param random where all uniforms come from
   * @param prompt all of its tokens, 1 or more
   */
  public static SpeculativeDecoder of(
      Kernels kernels,
      TargetModel target,
      DraftModel draft,
      DraftHeads heads,
      Drafting drafting,
      Warping warping,
      RandomGenerator random,
      int[] prompt) {
    TargetSide side = new TargetSide(kernels, target, warping, random, prompt, drafting.nodes());
    heads.begin(prompt);
    DraftSide drafts = new DraftSide(draft, heads, prompt[prompt.length - 1]);
    Round round =
        switch (drafting) {
          case Drafting.Chain chain -> new ChainRound(side, drafts, chain);
          case Drafting.Tree tree -> new TreeRound(side, drafts, tree);
          case Drafting.Siblings siblings -> new SiblingRound(side, drafts, siblings);
        };
    return new SpeculativeDecoder(side, drafts, round, drafting.depth(), drafting.nodes() + 1);
  }

  /**
   * A decoder without drafts, one token a round.
   *
   * @param kernels draw the tokens
   * @param target holds the prompt without its last token
   * @param warping how the target's logits become its distribution
   * @param random where all uniforms come from
   * @param prompt all of its tokens, 1 or more
   */
  public static SpeculativeDecoder plain(
      Kernels kernels, TargetModel target, Warping warping, RandomGenerator random, int[] prompt) {
    TargetSide side = new TargetSide(kernels, target, warping, random, prompt, 0);
    Draw draw = new Draw(side);
    Round round =
        new Round() {
          @Override
          public void draft(DraftTree tree) {}

          @Override
          public int verify(DraftTree tree, int[] path, int[] emitted) {
            emitted[0] = draw.from(side.rows(0, 1));
            return 0;
          }
        };
    return new SpeculativeDecoder(side, null, round, 0, 1);
  }

  /** Most tokens that a round emits: the room that {@link #next} needs. */
  public int most() {
    return most;
  }

  /**
   * Runs a round.
   *
   * @param emitted result: the tokens that became text, with room for {@link #most}
   * @return how many there are, 1 or more
   */
  public int next(int[] emitted) {
    requireRoom(emitted);
    begin();
    return end(emitted);
  }

  /**
   * Begins a round: drafts, and hands the target its step. A target that runs several sequences in
   * one pass may note the step here and write its logits before {@link #end}.
   *
   * @throws IllegalStateException if the round before has not ended
   */
  public void begin() {
    if (begun) {
      throw new IllegalStateException("a round has begun, expected its end");
    }
    tree.clear();
    round.draft(tree);
    target.step(tree);
    begun = true;
  }

  /**
   * Ends the round that {@link #begin} began, as {@link #next} does.
   *
   * @throws IllegalStateException if none has begun
   */
  public int end(int[] emitted) {
    requireRoom(emitted);
    if (!begun) {
      throw new IllegalStateException("no round has begun, expected one");
    }
    begun = false;
    target.warp(tree);
    int count =
        target.isGreedy() ? target.follow(tree, path, emitted) : round.verify(tree, path, emitted);
    target.end(path, count, emitted);
    if (draft != null) {
      draft.end(tree, depth, path, count, emitted);
    }
    rounds++;
    accepted += count;
    return count + 1;
  }

  private void requireRoom(int[] emitted) {
    if (emitted.length < most) {
      throw new IllegalArgumentException(
          "emitted: room for " + emitted.length + " tokens, expected " + most + " or more");
    }
  }

  /** What was drafted in the last round. */
  public DraftTree drafted() {
    return tree;
  }

  /** Counts of all rounds so far. */
  public BlockEfficiency efficiency() {
    return new BlockEfficiency(rounds, rounds * depth, accepted);
  }
}
