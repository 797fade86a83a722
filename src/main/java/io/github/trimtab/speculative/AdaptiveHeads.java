package io.github.trimtab.speculative;

import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Drafts with one of several trimmed heads, one a domain or language, and with the full head where
 * each of them would lose too much of what that drafts. Output stays lossless whichever head
 * drafts.
 *
 * <p>What a trimmed head loses is measured against the full head on the text itself, without rounds
 * spent on trying:
 *
 * <ul>
 *   <li>The prompt's share of tokens that a list holds is the first estimate.
 *   <li>After a round of the full head, what each list would have drafted of it is known: the
 *       accepted tokens before the first that the list lacks.
 *   <li>After a round of a trimmed head, the full one is credited with one token more where the
 *       list lacks the token that the target wrote in place of a draft.
 * </ul>
 *
 * <p>A trimmed head in use stays as long as its share of the full head's tokens reaches the rule's
 * break-even. Otherwise the best of those that reach it is taken, or else the full head.
 *
 * <p>Threads: one at a time.
 */
public final class AdaptiveHeads implements DraftHeads {
  private static final int FULL = -1;

  private final List<Trimmed> trimmed = new ArrayList<>();
  private final DraftHead full;
  private final FallbackRule rule;
  private int current;

  /** A head, and its tokens beside the full head's on the latest text. */
  private static final class Trimmed {
    private final DraftHead head;
    private final BitSet kept = new BitSet();
    private double own;
    private double ofFull;

    Trimmed(DraftHead head) {
      this.head = head;
      Tensor ids = head.ids();
      for (long i = 0; i < ids.size(0); i++) {
        kept.set((int) ids.integerAt(ids.offset(i)));
      }
    }

    void add(int tokens, int tokensOfFull, double window) {
      double remains = Math.exp(-tokensOfFull / window);
      own = own * remains + tokens;
      ofFull = ofFull * remains + tokensOfFull;
    }

    double share() {
      return ofFull == 0 ? 1 : own / ofFull;
    }
  }

  /**
   * Starts with the first trimmed head.
   *
   * @param trimmed one or more heads, each of fixed ids
   * @param full the head over the whole vocabulary
   */
  public AdaptiveHeads(List<DraftHead> trimmed, DraftHead full, FallbackRule rule) {
    if (trimmed.isEmpty()) {
      throw new IllegalArgumentException("trimmed: no head, expected one or more");
    }
    trimmed.forEach(head -> this.trimmed.add(new Trimmed(head)));
    this.full = full;
    this.rule = rule;
  }

  /** The trimmed head in use, by its number; -1 for the full one. */
  public int current() {
    return current;
  }

  /**
   * What a trimmed head drafts of the full head's tokens a round, as measured so far; 1 before
   * anything was seen.
   */
  public double share(int head) {
    return trimmed.get(head).share();
  }

  @Override
  public void begin(int[] prompt) {
    for (Trimmed one : trimmed) {
      one.own = 0;
      one.ofFull = 0;
      for (int token : prompt) {
        one.add(one.kept.get(token) ? 1 : 0, 1, rule.window());
      }
    }
    current = best();
  }

  @Override
  public DraftHead next() {
    return current == FULL ? full : trimmed.get(current).head;
  }

  @Override
  public void observed(int drafted, int[] emitted, int accepted) {
    if (current == FULL) {
      for (Trimmed one : trimmed) {
        int held = 0;
        while (held < accepted && one.kept.get(emitted[held])) {
          held++;
        }
        one.add(held + 1, accepted + 1, rule.window());
      }
      current = best();
    } else {
      Trimmed one = trimmed.get(current);
      boolean lacked = accepted < drafted && !one.kept.get(emitted[accepted]);
      one.add(accepted + 1, accepted + (lacked ? 2 : 1), rule.window());
      if (one.share() < rule.breakEven()) {
        current = best();
      }
    }
  }

  /** The trimmed head of the highest share, or the full one where that does not pay. */
  private int best() {
    int best = FULL;
    for (int i = 0; i < trimmed.size(); i++) {
      double share = trimmed.get(i).share();
      if (share >= rule.breakEven() && (best == FULL || share > trimmed.get(best).share())) {
        best = i;
      }
    }
    return best;
  }
}
