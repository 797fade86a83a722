package io.github.trimtab.kv;

import io.github.trimtab.kernel.Scoring;

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
    private final int capacity;

    /**
     * Checks that the window fits the capacity.
     *
     * @param queryRows which of the step's queries score, as rows of q
     * @param window tokens that stay whatever their score, counted from the step's first new token;
     *     negative ones are history
     * @param scoring how tokens are scored
     * @param capacity tokens that stay, window included
     */
    public Scored(int[] queryRows, int[] window, Scoring scoring, int capacity) {
      if (capacity < window.length) {
        throw new IllegalArgumentException(
            "capacity: "
                + capacity
                + ", expected at least the window's "
                + window.length
                + " tokens");
      }
      this.queryRows = queryRows.clone();
      this.window = window.clone();
      this.scoring = scoring;
      this.capacity = capacity;
    }

    /** How tokens are scored. */
    public Scoring scoring() {
      return scoring;
    }

    /** Tokens that stay, window included. */
    public int capacity() {
      return capacity;
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
          + ", capacity "
          + capacity
          + "]";
    }
  }

  /**
   * Tokens that a list holds afterwards.
   *
   * @param held tokens of history
   * @param fresh new tokens
   */
  default int kept(int held, int fresh) {
    int all = Math.addExact(held, fresh);
    return switch (this) {
      case All _ -> all;
      case History _ -> held;
      case Ends ends -> Math.min(all, ends.oldest + ends.newest);
      case Scored scored -> Math.min(all, scored.capacity);
    };
  }
}
