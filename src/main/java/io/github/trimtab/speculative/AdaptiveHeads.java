package io.github.trimtab.speculative;

import java.util.List;

/**
 * Drafts with one of several trimmed heads, one a domain or language, and with the full head where
 * none of them is accepted often enough.
 *
 * <p>A trimmed head in use is left when its rolling acceptance falls below the rule's bound. Then,
 * and later every so many rounds on the full head, the other trimmed heads are probed in turn, each
 * for a few draft passes; the first that is accepted often enough is taken. Output stays lossless
 * whichever head drafts.
 *
 * <p>Threads: one at a time.
 */
public final class AdaptiveHeads implements DraftHeads {
  private static final int FULL = -1;

  private final List<DraftHead> trimmed;
  private final DraftHead full;
  private final FallbackRule rule;
  private final RollingAcceptance rolling;
  private int current;
  private boolean probing;
  // Trimmed heads that the present search has not probed yet, and the next of them.
  private int left;
  private int candidate;
  private int roundsOnFull;
  private int probed;
  private int probeAccepted;

  /**
   * Starts with the first trimmed head.
   *
   * @param trimmed one or more heads
   * @param full the head over the whole vocabulary
   */
  public AdaptiveHeads(List<DraftHead> trimmed, DraftHead full, FallbackRule rule) {
    this.trimmed = List.copyOf(trimmed);
    this.full = full;
    this.rule = rule;
    this.rolling = new RollingAcceptance(rule.window());
    if (trimmed.isEmpty()) {
      throw new IllegalArgumentException("trimmed: no head, expected one or more");
    }
  }

  /** Drafts with a trimmed head from the next round on, as when the text's language is known. */
  public void use(int head) {
    if (head < 0 || head >= trimmed.size()) {
      throw new IllegalArgumentException(
          "head: " + head + ", expected 0 to " + (trimmed.size() - 1));
    }
    current = head;
    probing = false;
    rolling.clear();
  }

  /** The trimmed head in use or on probation, by its number; -1 for the full one. */
  public int current() {
    return current;
  }

  @Override
  public DraftHead next() {
    return current == FULL ? full : trimmed.get(current);
  }

  @Override
  public void observed(int drafted, int accepted) {
    if (probing) {
      probed += drafted;
      probeAccepted += accepted;
      if (probed >= rule.probe()) {
        judge();
      }
    } else if (current == FULL) {
      roundsOnFull++;
      if (roundsOnFull >= rule.probeEvery()) {
        // One candidate a search: what fails costs the fewest rounds.
        left = 1;
        probeNext();
      }
    } else {
      rolling.add(drafted, accepted);
      if (rolling.isFull() && rolling.value() < rule.leave()) {
        candidate = (current + 1) % trimmed.size();
        left = trimmed.size() - 1;
        probeNext();
      }
    }
  }

  /** Ends a probe. */
  private void judge() {
    if (probeAccepted >= rule.enter() * probed) {
      probing = false;
      rolling.clear();
    } else {
      probeNext();
    }
  }

  /** Probes the next candidate, or goes to the full head where none is left. */
  private void probeNext() {
    rolling.clear();
    probed = 0;
    probeAccepted = 0;
    probing = left > 0;
    if (probing) {
      left--;
      current = candidate;
      candidate = (candidate + 1) % trimmed.size();
    } else {
      current = FULL;
      roundsOnFull = 0;
    }
  }
}
