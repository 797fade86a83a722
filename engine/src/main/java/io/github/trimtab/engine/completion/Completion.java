package io.github.trimtab.engine.completion;

import io.github.trimtab.speculative.BlockEfficiency;

/** What was written behind a prompt, and what that took. */
public final class Completion {
  private final int[] tokens;
  private final BlockEfficiency efficiency;
  private final double seconds;

  Completion(int[] tokens, BlockEfficiency efficiency, double seconds) {
    this.tokens = tokens;
    this.efficiency = efficiency;
    this.seconds = seconds;
  }

  /** A copy of the tokens, without the prompt. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** How many tokens. */
  public int size() {
    return tokens.length;
  }

  /** Rounds, drafts and how many of them became text. */
  public BlockEfficiency efficiency() {
    return efficiency;
  }

  /** Seconds from the prompt's end to the last token. */
  public double seconds() {
    return seconds;
  }
}
