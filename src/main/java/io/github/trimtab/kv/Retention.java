package io.github.trimtab.kv;

import io.github.trimtab.kernel.Scoring;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * What a layer keeps of a row's history and of a step's new tokens, once that step's attention is
 * done.
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
   * So many tokens as a policy's own {@link EvictionPolicy#store} chooses: it can be counted, but
   * not carried out.
   *
   * @param capacity tokens of each head that stay, 0 or more
   */
  record Counted(int capacity) implements Retention {
    /** Checks the count. */
    public Counted {
      requireCapacity(capacity);
    }
  }

  /** What is known without scores: the tokens themselves. */
  sealed interface Placed extends Retention {
    /**
     * The tokens that stay, rising, numbered through history and new tokens.
     *
     * @param held tokens of history
     * @param fresh new tokens
     */
    int[] tokens(int row, int head, int held, int fresh);
  }

  /**
   * The oldest and the newest tokens.
   *
   * @param oldest tokens kept at the beginning, 0 or more
   * @param newest tokens kept at the end, 0 or more
   */
  record Ends(int oldest, int newest) implements Placed {
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

    @Override
    public int[] tokens(int row, int head, int held, int fresh) {
      int kept = kept(head, held, fresh);
      int forgotten = held + fresh - kept;
      int[] tokens = new int[kept];
      Arrays.setAll(tokens, i -> i < oldest ? i : i + forgotten);
      return tokens;
    }
  }

  /**
   * Tokens at random, others in every row and head.
   *
   * @param seed equal seeds give equal tokens
   * @param capacity tokens of each head that stay, 0 or more
   */
  record Sampled(long seed, int capacity) implements Placed {
    /** Checks the capacity. */
    public Sampled {
      requireCapacity(capacity);
    }

    @Override
    public int[] tokens(int row, int head, int held, int fresh) {
      SplittableRandom random = new SplittableRandom(seed + row * 0x9E3779B97F4A7C15L).split();
      random = new SplittableRandom(random.nextLong() + head);
      int all = held + fresh;
      int[] tokens = new int[kept(head, held, fresh)];
      int place = 0;
      // Each token with the chance of those wanted among those left: every set is as likely.
      for (int token = 0; place < tokens.length; token++) {
        if (random.nextInt(all - token) < tokens.length - place) {
          tokens[place++] = token;
        }
      }
      return tokens;
    }
  }

  /** Tokens that a policy names for each head. */
  final class Chosen implements Placed {
    private final int[][] tokens;

    /**
     * Copies the tokens.
     *
     * @param tokens of each key/value head, rising, counted from the step's first new token;
     *     negative ones are history
     */
    public Chosen(int[][] tokens) {
      this.tokens = new int[tokens.length][];
      for (int head = 0; head < tokens.length; head++) {
        this.tokens[head] = tokens[head].clone();
        for (int i = 1; i < tokens[head].length; i++) {
          if (tokens[head][i] <= tokens[head][i - 1]) {
            throw new IllegalArgumentException(
                "tokens of head "
                    + head
                    + ": "
                    + tokens[head][i]
                    + " behind "
                    + tokens[head][i - 1]
                    + ", expected rising numbers");
          }
        }
      }
    }

    void checkPositions(int row, int head, int held, int fresh) {
      int count = tokens[head].length;
      // The numbers rise, so the first and the last speak for all.
      if (count > 0 && (tokens[head][0] < -held || tokens[head][count - 1] >= fresh)) {
        throw new IllegalArgumentException(
            "tokens of row "
                + row
                + ", head "
                + head
                + ": "
                + (tokens[head][0] < -held ? tokens[head][0] : tokens[head][count - 1])
                + ", expected "
                + -held
                + ".."
                + (fresh - 1));
      }
    }

    @Override
    public int[] tokens(int row, int head, int held, int fresh) {
      return Arrays.stream(tokens[head]).map(token -> token + held).toArray();
    }

    @Override
    public String toString() {
      return "Chosen[of " + tokens.length + " heads]";
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

  /** Heads that this decision names one by one, or 0 where all heads are alike. */
  default int heads() {
    return switch (this) {
      case Chosen chosen -> chosen.tokens.length;
      case Scored scored -> scored.capacities.length == 1 ? 0 : scored.capacities.length;
      default -> 0;
    };
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
      case Counted counted -> Math.min(all, counted.capacity);
      case Ends ends -> Math.min(all, ends.oldest + ends.newest);
      case Sampled sampled -> Math.min(all, sampled.capacity);
      case Chosen chosen -> chosen.tokens[head].length;
      case Scored scored -> Math.min(all, scored.capacity(head));
    };
  }

  private static void requireCapacity(int capacity) {
    if (capacity < 0) {
      throw new IllegalArgumentException("capacity: " + capacity + ", expected 0 or more");
    }
  }
}
