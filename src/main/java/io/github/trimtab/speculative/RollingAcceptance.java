package io.github.trimtab.speculative;

/**
 * Acceptance over the latest rounds, as many as have some number of draft passes together.
 *
 * <p>Threads: one at a time.
 */
public final class RollingAcceptance {
  private final int window;
  // The latest rounds, a ring; each drafted at least once, so no more of them are ever needed.
  private final int[] drafted;
  private final int[] accepted;
  private int first;
  private int rounds;
  private int allDrafted;
  private int allAccepted;

  /**
   * No rounds yet.
   *
   * @param window draft passes, 1 or more
   */
  public RollingAcceptance(int window) {
    if (window < 1) {
      throw new IllegalArgumentException("window: " + window + ", expected 1 or more");
    }
    this.window = window;
    this.drafted = new int[window];
    this.accepted = new int[window];
  }

  /**
   * Adds a round and forgets the oldest ones that the window does without; no drafts, no change.
   */
  public void add(int drafted, int accepted) {
    if (accepted < 0 || accepted > drafted) {
      throw new IllegalArgumentException(
          "accepted: " + accepted + ", expected 0 to the " + drafted + " drafted");
    }
    if (drafted == 0) {
      return;
    }
    if (rounds == window) {
      forgetOldest();
    }
    int place = (first + rounds) % window;
    this.drafted[place] = drafted;
    this.accepted[place] = accepted;
    rounds++;
    allDrafted += drafted;
    allAccepted += accepted;
    while (allDrafted - this.drafted[first] >= window) {
      forgetOldest();
    }
  }

  private void forgetOldest() {
    allDrafted -= drafted[first];
    allAccepted -= accepted[first];
    first = (first + 1) % window;
    rounds--;
  }

  /** Whether the rounds fill the window. */
  public boolean isFull() {
    return allDrafted >= window;
  }

  /** Share of the draft passes whose token was accepted, NaN without any. */
  public double value() {
    return (double) allAccepted / allDrafted;
  }

  /** Forgets all rounds. */
  public void clear() {
    first = 0;
    rounds = 0;
    allDrafted = 0;
    allAccepted = 0;
  }
}
