package io.github.trimtab.speculative;

/**
 * Counts of speculative rounds.
 *
 * @param rounds target passes
 * @param drafted draft passes, of a tree its levels
 * @param accepted drafted tokens that became text
 */
public record BlockEfficiency(long rounds, long drafted, long accepted) {
  /** Tokens emitted: the accepted ones and one more a round. */
  public long emitted() {
    return accepted + rounds;
  }

  /** Block efficiency: tokens emitted a round, NaN without rounds. */
  public double tau() {
    return (double) emitted() / rounds;
  }

  /** Share of draft passes whose token became text, NaN without any. */
  public double acceptance() {
    return (double) accepted / drafted;
  }
}
