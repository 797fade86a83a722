package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.Drafter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One way of completing the prompts of a domain.
 *
 * @param domain of the prompts
 * @param temperature of target and drafter; 0 is greedy
 * @param drafter who drafts; null: plain decoding
 * @param gamma drafted tokens of a round, 0 for plain decoding
 * @param rows of the draft head, all of them for the full head
 * @param list counts that the kept ids come from, such as {@code target-java}; empty for the full
 *     head
 * @param tail most ids that follow the text
 * @param choice how the head of a round is chosen
 */
public record Cell(
    String domain,
    float temperature,
    @Nullable Drafter drafter,
    int gamma,
    int rows,
    String list,
    int tail,
    Choice choice) {

  /** How the head of a round is chosen. */
  public enum Choice {
    /** Always the same head. */
    FIXED,
    /** The full head while the list is accepted too rarely. */
    FALLBACK,
    /** The domain's list that holds most of the prompt, and the others or the full head later. */
    SWITCHING
  }

  /** Plain decoding. */
  static Cell plain(String domain, float temperature) {
    return new Cell(domain, temperature, null, 0, 0, "", 0, Choice.FIXED);
  }

  /** A drafter with its full head. */
  static Cell full(String domain, float temperature, Drafter drafter, int gamma, int vocabulary) {
    return new Cell(domain, temperature, drafter, gamma, vocabulary, "", 0, Choice.FIXED);
  }

  /** The same with a list's most frequent ids. */
  Cell trimmed(int kept, String source) {
    return new Cell(domain, temperature, drafter, gamma, kept, source, tail, choice);
  }

  /** The same with a tail. */
  Cell withTail(int ids) {
    return new Cell(domain, temperature, drafter, gamma, rows, list, ids, choice);
  }

  /** The same with another choice of heads. */
  Cell choosing(Choice other) {
    return new Cell(domain, temperature, drafter, gamma, rows, list, tail, other);
  }

  /** What it is compared with: the same drafter's full head. */
  Cell reference(int vocabulary) {
    return drafter == null ? this : full(domain, temperature, drafter, gamma, vocabulary);
  }

  /** A name that no other cell has. */
  public String id() {
    String what = domain + " T=" + temperature;
    if (drafter == null) {
      return what + " plain";
    }
    return what
        + " "
        + drafter.name().toLowerCase(Locale.ROOT)
        + " gamma="
        + gamma
        + " rows="
        + rows
        + (list.isEmpty() ? "" : " list=" + list)
        + (tail == 0 ? "" : " tail=" + tail)
        + (choice == Choice.FIXED ? "" : " " + choice.name().toLowerCase(Locale.ROOT));
  }
}
