package io.github.trimtab.vocab;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * How much of held-out text a kept vocabulary can say.
 *
 * @param domain what the text is
 * @param tokens tokens counted in it
 * @param covered those whose id is kept
 */
public record Coverage(String domain, long tokens, long covered) {
  /** Name of the line about all domains together. */
  public static final String OVERALL = "overall";

  /** Covered tokens over all, 1 for an empty text. */
  public double share() {
    return tokens == 0 ? 1 : (double) covered / tokens;
  }

  /**
   * Coverage of each domain in the map's order, then overall.
   *
   * @throws IllegalArgumentException if counts are of another vocabulary or tokenizer
   */
  public static List<Coverage> of(KeptVocabulary kept, Map<String, TokenCounts> heldOut) {
    List<Coverage> lines = new ArrayList<>();
    heldOut.forEach(
        (domain, counts) -> lines.add(new Coverage(domain, counts.total(), counts.covered(kept))));
    long tokens = lines.stream().mapToLong(Coverage::tokens).sum();
    long covered = lines.stream().mapToLong(Coverage::covered).sum();
    lines.add(new Coverage(OVERALL, tokens, covered));
    return lines;
  }
}
