package io.github.trimtab.vocab;

import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The target's token ids whose rows a draft head keeps, ascending and unique: place i of the head
 * is id {@code ids()[i]}. Immutable.
 */
public final class KeptVocabulary {
  private final Provenance provenance;
  private final int[] ids;
  private final int @Nullable [] byRank;

  private KeptVocabulary(Provenance provenance, int[] ids, int @Nullable [] byRank) {
    this.provenance = provenance;
    this.ids = ids;
    this.byRank = byRank;
  }

  /**
   * Ids of which no order is known.
   *
   * @param ids in any order; copied
   * @throws IllegalArgumentException if there is none, one repeats or is outside the vocabulary
   */
  public static KeptVocabulary of(Provenance provenance, int... ids) {
    return new KeptVocabulary(provenance, sorted(provenance, ids), null);
  }

  /**
   * Ids in the order of their frequency.
   *
   * @param ids most frequent first; copied
   * @throws IllegalArgumentException if there is none, one repeats or is outside the vocabulary
   */
  public static KeptVocabulary ranked(Provenance provenance, int... ids) {
    return new KeptVocabulary(provenance, sorted(provenance, ids), ids.clone());
  }

  private static int[] sorted(Provenance provenance, int[] ids) {
    if (ids.length == 0) {
      throw new IllegalArgumentException("ids: none, expected at least one");
    }
    int[] sorted = ids.clone();
    Arrays.sort(sorted);
    for (int i = 0; i < sorted.length; i++) {
      if (sorted[i] < 0 || sorted[i] >= provenance.vocabularySize()) {
        throw new IllegalArgumentException(
            "id: " + sorted[i] + ", expected 0 to " + (provenance.vocabularySize() - 1));
      }
      if (i > 0 && sorted[i] == sorted[i - 1]) {
        throw new IllegalArgumentException("id: " + sorted[i] + " twice, expected once");
      }
    }
    return sorted;
  }

  /** Where they come from. */
  public Provenance provenance() {
    return provenance;
  }

  /** How many are kept, the rows of the draft head. */
  public int size() {
    return ids.length;
  }

  /** The ids, ascending. */
  public int[] ids() {
    return ids.clone();
  }

  /** Whether the order of frequency is known. */
  public boolean isRanked() {
    return byRank != null;
  }

  /** The ids, most frequent first; ascending where that order is not known. */
  public int[] idsByRank() {
    return byRank == null ? ids.clone() : byRank.clone();
  }

  /** Whether an id is kept. */
  public boolean contains(int id) {
    return indexOf(id) >= 0;
  }

  /** The row of an id in the draft head, or a negative number. */
  public int indexOf(int id) {
    return Arrays.binarySearch(ids, id);
  }

  /**
   * These ids and others, which rank behind those that are here.
   *
   * @param others may repeat and may be here already
   */
  public KeptVocabulary plus(int... others) {
    int[] added = Arrays.stream(others).distinct().filter(id -> !contains(id)).toArray();
    int[] all = IntStream.concat(Arrays.stream(idsByRank()), Arrays.stream(added)).toArray();
    return isRanked() ? ranked(provenance, all) : of(provenance, all);
  }

  /**
   * Only those of these ids that have a token.
   *
   * @throws IllegalArgumentException if none has
   */
  public KeptVocabulary only(BitSet withToken) {
    int[] left = Arrays.stream(idsByRank()).filter(withToken::get).toArray();
    return isRanked() ? ranked(provenance, left) : of(provenance, left);
  }

  /**
   * The same ids under a provenance that knows more.
   *
   * @throws IllegalArgumentException if it is of another vocabulary or tokenizer
   */
  public KeptVocabulary under(Provenance other) {
    other.requireSame("kept vocabulary", provenance);
    return new KeptVocabulary(other.with(provenance), ids, byRank);
  }

  @Override
  public String toString() {
    return ids.length + " of " + provenance.vocabularySize() + " ids";
  }
}
