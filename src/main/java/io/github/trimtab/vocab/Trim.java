package io.github.trimtab.vocab;

import java.util.BitSet;
import java.util.Comparator;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Chooses the ids to keep from counts: the most frequent ones behind those that are protected,
 * equal counts by rising id. Ids without a token (padding rows of a head) are never kept.
 *
 * <p>Sizes are rounded up to a multiple of the tile, as far as there are ids with a token.
 */
public final class Trim {
  /** Rows of a head that kernels take at once. */
  public static final int TILE = 128;

  private final TokenCounts counts;
  private final int[] ranked;
  private final int least;
  private final int tile;

  /**
   * Ranks the ids.
   *
   * @param counts what was counted
   * @param withToken ids that have a token
   * @param isProtected ids to keep whatever their count: ends of text and of turns, template and
   *     tool tokens, single bytes
   * @param tile sizes are rounded up to a multiple of this, 1 or more
   * @throws IllegalArgumentException if a protected or counted id has no token
   */
  public Trim(TokenCounts counts, BitSet withToken, BitSet isProtected, int tile) {
    int size = counts.provenance().vocabularySize();
    if (tile < 1) {
      throw new IllegalArgumentException("tile: " + tile + ", expected 1 or more");
    }
    for (int id = isProtected.nextSetBit(0); id >= 0; id = isProtected.nextSetBit(id + 1)) {
      if (id >= size || !withToken.get(id)) {
        throw new IllegalArgumentException(
            "protected id: " + id + ", expected one of the vocabulary's tokens");
      }
    }
    for (int id = 0; id < size; id++) {
      if (counts.count(id) > 0 && !withToken.get(id)) {
        throw new IllegalArgumentException(
            "counted id: " + id + " has no token, expected counts of this tokenizer");
      }
    }
    this.counts = counts;
    this.tile = tile;
    least = isProtected.cardinality();
    ranked =
        IntStream.range(0, size)
            .filter(withToken::get)
            .boxed()
            .sorted(
                Comparator.comparing((Integer id) -> !isProtected.get(id))
                    .thenComparingLong(id -> -counts.count(id))
                    .thenComparingInt(id -> id))
            .mapToInt(id -> id)
            .toArray();
    if (ranked.length == 0) {
      throw new IllegalArgumentException("ids with a token: none, expected at least one");
    }
  }

  /**
   * The most frequent ids.
   *
   * @param k how many, protected ones included
   * @throws IllegalArgumentException if k is below 1 or the number of protected ids, or above the
   *     number of ids with a token
   */
  public KeptVocabulary topK(int k) {
    int lower = Math.max(least, 1);
    if (k < lower || k > ranked.length) {
      throw new IllegalArgumentException(
          "k: "
              + k
              + ", expected "
              + lower
              + " (protected ids) to "
              + ranked.length
              + " (ids with a token)");
    }
    int rounded = (int) Math.min(Math.ceilDiv((long) k, tile) * tile, ranked.length);
    // The rank of a kept id says its frequency, protected or not.
    int[] kept =
        IntStream.range(0, rounded)
            .map(i -> ranked[i])
            .boxed()
            .sorted(
                Comparator.comparingLong((Integer id) -> -counts.count(id))
                    .thenComparingInt(id -> id))
            .mapToInt(id -> id)
            .toArray();
    return KeptVocabulary.ranked(counts.provenance(), kept);
  }

  /**
   * The fewest ids that hold a share of the counted tokens.
   *
   * @param share above 0, at most 1
   */
  public KeptVocabulary mass(double share) {
    if (!(share > 0 && share <= 1)) {
      throw new IllegalArgumentException("share: " + share + ", expected above 0, at most 1");
    }
    double[] curve = coverage(counts);
    int k = Math.max(least, 1);
    while (k < ranked.length && curve[k] < share) {
      k++;
    }
    return topK(k);
  }

  /** All ids but those that occur fewer times than this, and the protected ones. */
  public KeptVocabulary dropRarest(long times) {
    if (times < 1) {
      throw new IllegalArgumentException("times: " + times + ", expected 1 or more");
    }
    int k = Math.max(least, 1);
    while (k < ranked.length && counts.count(ranked[k]) >= times) {
      k++;
    }
    return topK(k);
  }

  /**
   * The size of the highest expected speed: tokens a round over what a round costs. A round is
   * gamma draft steps and one of the target. A draft token is accepted with the full head's
   * probability times the share of held-out tokens that the kept ids hold.
   *
   * @param heldOut counts of text that was not counted for the choice; the same ones flatter
   * @param acceptance probability that a draft token of the full head is accepted, from 0 to 1
   * @param gamma draft steps a round, 1 or more
   * @param draftCost cost of a draft step with k rows, as a share of a target step: {@link
   *     DraftCost}
   */
  public KeptVocabulary automatic(
      TokenCounts heldOut, double acceptance, int gamma, IntToDoubleFunction draftCost) {
    if (!(acceptance >= 0 && acceptance <= 1)) {
      throw new IllegalArgumentException("acceptance: " + acceptance + ", expected 0 to 1");
    }
    if (gamma < 1) {
      throw new IllegalArgumentException("gamma: " + gamma + ", expected 1 or more");
    }
    counts.provenance().requireSame("held-out counts", heldOut.provenance());
    double[] curve = coverage(heldOut);
    int best = ranked.length;
    double bestSpeed = 0;
    for (long step = Math.ceilDiv(Math.max(least, 1), tile); ; step++) {
      int k = (int) Math.min(step * tile, ranked.length);
      double speed =
          blockEfficiency(acceptance * curve[k], gamma) / (draftCost.applyAsDouble(k) * gamma + 1);
      if (speed > bestSpeed) {
        bestSpeed = speed;
        best = k;
      }
      if (k == ranked.length) {
        return topK(best);
      }
    }
  }

  /** Expected tokens a round, 1 + a + ... + a^gamma, where each draft token is accepted with a. */
  static double blockEfficiency(double acceptance, int gamma) {
    double sum = 0;
    for (int i = 0; i <= gamma; i++) {
      sum = sum * acceptance + 1;
    }
    return sum;
  }

  /** The share of tokens that the first k ids hold, by k from 0; 1 everywhere for an empty text. */
  private double[] coverage(TokenCounts text) {
    double[] curve = new double[ranked.length + 1];
    long held = 0;
    for (int k = 0; k < curve.length; k++) {
      curve[k] = text.total() == 0 ? 1 : (double) held / text.total();
      held += k < ranked.length ? text.count(ranked[k]) : 0;
    }
    return curve;
  }
}
