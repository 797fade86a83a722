package io.github.trimtab.vocab;

import java.util.Arrays;

/** How often each token id occurred. Immutable. */
public final class TokenCounts {
  private final Provenance provenance;
  private final long[] counts;
  private final long total;

  /**
   * Counts by id.
   *
   * @param counts one for each id of the vocabulary, 0 or more; copied
   * @throws IllegalArgumentException if there are more or fewer, one is negative, or their sum is
   *     2^63 or more
   */
  public TokenCounts(Provenance provenance, long[] counts) {
    if (counts.length != provenance.vocabularySize()) {
      throw new IllegalArgumentException(
          "counts: " + counts.length + ", expected " + provenance.vocabularySize() + ", one an id");
    }
    long sum = 0;
    for (int id = 0; id < counts.length; id++) {
      if (counts[id] < 0 || counts[id] > Long.MAX_VALUE - sum) {
        throw new IllegalArgumentException(
            "count of id " + id + ": " + counts[id] + ", expected 0 or more, and a sum below 2^63");
      }
      sum += counts[id];
    }
    this.provenance = provenance;
    this.counts = counts.clone();
    total = sum;
  }

  /** Where they come from. */
  public Provenance provenance() {
    return provenance;
  }

  /** How often an id occurred. */
  public long count(int id) {
    return counts[id];
  }

  /** All counts by id. */
  public long[] toArray() {
    return counts.clone();
  }

  /** How many tokens were counted. */
  public long total() {
    return total;
  }

  /** How many ids occurred. */
  public int distinct() {
    return (int) Arrays.stream(counts).filter(count -> count > 0).count();
  }

  /**
   * The sums of these and other counts.
   *
   * @throws IllegalArgumentException if the others are of another vocabulary or tokenizer
   */
  public TokenCounts plus(TokenCounts other) {
    provenance.requireSame(
        other.provenance.source().isEmpty() ? "counts" : other.provenance.source(),
        other.provenance);
    long[] sums = counts.clone();
    for (int id = 0; id < sums.length; id++) {
      sums[id] = Math.addExact(sums[id], other.counts[id]);
    }
    return new TokenCounts(provenance.with(other.provenance), sums);
  }

  /** How many of the counted tokens a kept vocabulary holds. */
  public long covered(KeptVocabulary kept) {
    kept.provenance().requireSame("counts", provenance);
    return Arrays.stream(kept.ids()).mapToLong(id -> counts[id]).sum();
  }
}
