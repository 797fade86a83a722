package io.github.trimtab.engine.completion;

import io.github.trimtab.speculative.BlockEfficiency;

/**
 * What was written behind a prompt.
 *
 * @param tokens without the prompt
 * @param efficiency rounds, drafts and how many of them became text
 * @param seconds from the prompt's end to the last token
 */
public record Completion(int[] tokens, BlockEfficiency efficiency, double seconds) {

  /** Tokens a second. */
  public double speed() {
    return tokens.length / seconds;
  }
}
