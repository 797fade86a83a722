package io.github.trimtab.kv;

import io.github.trimtab.kernel.Scoring;
import java.util.Arrays;

/**
 * What a layer keeps of its history and of a step's new tokens, once that step's attention is done.
 *
 * <p>A decision as a value: a {@link KvCache} carries it out, and a {@link PageForecast} counts the
 * pages that it takes. No form keeps more tokens than there are.
 */
public sealed interface Retention {
  /** History and new tokens. */
  record All() implements Retention {}

  /** History alone: the new tokens are not stored. */
  record History() implements Retention {}

  /**
   * The oldest and the newest tokens, whatever their scores.
   *
   * @param oldest tokens kept at the beginning, 0 or more
   * @param newest tokens kept at the end, 0 or more
   */
  record Ends(int oldest, int newest) implements Retention {
    /** Checks both counts. */
    public Ends {
      if (oldest < 0 || newest < 0 || oldest + (long) newest > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            "oldest, newest: "
                + oldest
                + ", "
                + newest
                + ", expected 0 or more, below 2^31 in all");
      }
    }
  }

  /**
   * The window and the tokens of the highest scores, up to a capacity; every head chooses its own.
   */
  final class Scored implements Retention {
    private final int[] queryRows;
    private final int[] window;
    private final Scoring scoring;
    private final int[] capacities;

    /**
     * Checks that the window fits every capacity.
     *
     * @param queryRows which of the step's queries score, as rows of q
     * @param window tokens that stay whatever their score, counted from the step's first new token;
     *     negative ones are history
     * @param scoring how tokens are scored
     * @param capacities tokens that stay, window included: one number for all key/value heads, or
     *     one for each
     */
    public Scored(int[] queryRows, int[] window, Scoring scoring, int... capacities) {
      this(scoring, queryRows.clone(), window.clone(), capacities.clone());
    }

    private Scored(Scoring scoring, int[] queryRows, int[] window, int[] capacities) {
      if (capacities.length == 0) {
        throw new IllegalArgumentException("capacities: none, expected 1 or one for each head");
      }
      for (int capacity : capacities) {
        if (capacity < window.length) {
          throw new IllegalArgumentException(
              "capacity: "
                  + capacity
                  + ", expected at least the window's "
                  + window.length
                  + " tokens");
        }
      }
      this.queryRows = queryRows;
      this.window = window;
      this.scoring = scoring;
      this.capacities = capacities;
    }

    /** The same with other capacities. */
    public Scored withCapacities(int... others) {
      return new Scored(scoring, queryRows, window, others.clone());
    }

    /** How tokens are scored. */
    public Scoring scoring() {
      return scoring;
    }

    /** Tokens of a key/value head that stay, window included. */
    public int capacity(int head) {
      return capacities.length == 1 ? capacities[0] : capacities[head];
    }

    int queries() {
      return queryRows.length;
    }

    int queryRow(int i) {
      return queryRows[i];
    }

    int windowTokens() {
      return window.length;
    }

    int windowToken(int i) {
      return window[i];
    }

    @Override
    public String toString() {
      return "Scored["
          + queryRows.length
          + " queries, window of "
          + window.length
          + ", "
          + scoring
          + ", capacities "
          + Arrays.toString(capacities)
          + "]";
    }
  }

  /**
   * Tokens of a head that stay.
   *
   * @param head key/value head
   * @param held tokens of history
   * @param fresh new tokens
   */
  default int kept(int head, int held, int fresh) {
    int all = Math.addExact(held, fresh);
    return switch (this) {
      case All _ -> all;
      case History _ -> held;
      case Ends ends -> Math.min(all, ends.oldest + ends.newest);
      case Scored scored -> Math.min(all, scored.capacity(head));
    };
  }
}
