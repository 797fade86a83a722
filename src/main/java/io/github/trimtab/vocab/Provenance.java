package io.github.trimtab.vocab;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Where token ids come from and what they mean. Ids of another vocabulary name other tokens, even
 * where both have the same size, so things of different provenance are never combined.
 *
 * @param source what was counted, in the user's words; may be empty
 * @param tokenizer lower-case hexadecimal SHA-256 of the tokenizer.json; empty if it is not known
 * @param vocabularySize ids are from 0 up to this, the rows of the target's head; padding included
 */
public record Provenance(String source, String tokenizer, int vocabularySize) {
  /** Largest vocabulary that is believed; real ones have a fiftieth of it. */
  public static final int MOST_IDS = 1 << 24;

  /** Checks the size and the form of the hash. */
  public Provenance {
    if (vocabularySize < 1 || vocabularySize > MOST_IDS) {
      throw new IllegalArgumentException(
          "vocabularySize: " + vocabularySize + ", expected 1 to " + MOST_IDS);
    }
    if (!tokenizer.matches("|[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "tokenizer: " + tokenizer + ", expected 64 lower-case hexadecimal digits or nothing");
    }
  }

  /**
   * Checks that ids mean the same here and there: equal sizes, and equal hashes where both are
   * known.
   *
   * @param what names the other in the message
   * @throws IllegalArgumentException if they do not
   */
  public void requireSame(String what, Provenance other) {
    if (vocabularySize != other.vocabularySize) {
      throw new IllegalArgumentException(
          what + ": vocabulary of " + other.vocabularySize + " ids, expected " + vocabularySize);
    }
    if (!tokenizer.isEmpty() && !other.tokenizer.isEmpty() && !tokenizer.equals(other.tokenizer)) {
      throw new IllegalArgumentException(
          what + ": tokenizer " + other.tokenizer + ", expected " + tokenizer);
    }
  }

  /** Both sources and whichever hash is known. */
  Provenance with(Provenance other) {
    Set<String> sources = new LinkedHashSet<>();
    for (Provenance one : List.of(this, other)) {
      if (!one.source.isEmpty()) {
        sources.addAll(List.of(one.source.split(" \\+ ")));
      }
    }
    return new Provenance(
        String.join(" + ", sources),
        tokenizer.isEmpty() ? other.tokenizer : tokenizer,
        vocabularySize);
  }
}
