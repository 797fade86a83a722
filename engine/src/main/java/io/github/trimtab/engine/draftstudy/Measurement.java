package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.checkpoint.JsonObject;
import java.util.Locale;

/**
 * What one completion took.
 *
 * @param cell id of the cell
 * @param prompt index among the domain's prompts
 * @param tokens written
 * @param rounds target passes
 * @param drafted draft passes
 * @param accepted drafted tokens that became text
 * @param covered tokens written that the list holds
 * @param seconds from the prompt's end to the last token
 */
public record Measurement(
    String cell,
    int prompt,
    int tokens,
    long rounds,
    long drafted,
    long accepted,
    int covered,
    double seconds) {

  /** Which measurement this is. */
  record Key(String cell, int prompt) {}

  Key key() {
    return new Key(cell, prompt);
  }

  /** The same of another prompt. */
  Measurement of(int other) {
    return new Measurement(cell, other, tokens, rounds, drafted, accepted, covered, seconds);
  }

  /** What two completions of a cell's prompt took together. */
  Measurement plus(Measurement other) {
    return new Measurement(
        cell,
        prompt,
        tokens + other.tokens,
        rounds + other.rounds,
        drafted + other.drafted,
        accepted + other.accepted,
        covered + other.covered,
        seconds + other.seconds);
  }

  /** One line of JSON. */
  String format() {
    return String.format(
        Locale.ROOT,
        "{\"cell\":\"%s\",\"prompt\":%d,\"tokens\":%d,\"rounds\":%d,\"drafted\":%d,"
            + "\"accepted\":%d,\"covered\":%d,\"seconds\":%.6f}",
        cell,
        prompt,
        tokens,
        rounds,
        drafted,
        accepted,
        covered,
        seconds);
  }

  /**
   * Reads what {@link #format} wrote.
   *
   * @throws IllegalArgumentException naming the place and the key that does not fit
   */
  static Measurement parse(String where, String line) {
    JsonObject json = JsonObject.parse(where, line);
    return new Measurement(
        json.text("cell"),
        json.integer("prompt"),
        json.integer("tokens"),
        json.integer("rounds"),
        json.integer("drafted"),
        json.integer("accepted"),
        json.integer("covered"),
        json.number("seconds"));
  }
}
