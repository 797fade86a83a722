package io.github.trimtab.engine.demo;

import io.github.trimtab.engine.completion.Completion;
import io.github.trimtab.io.WholeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * The text demonstration's results for people.
 *
 * @param results plain decoding first, which all others are compared with
 */
public record TextReport(List<TextDemo.Result> results) {

  private static final String ROW = "%-28s %9s %8s %11s %11s %10s %11s %7s %6s %10s%n";

  /** The table, a line a method. */
  public String table() {
    TextDemo.Result plain = results.getFirst();
    StringBuilder table = new StringBuilder();
    table.append(
        ROW.formatted(
            "greedy, " + TextDemo.LENGTH + " drafts a round",
            "tokens/s",
            "of plain",
            "tokens/pass",
            "acceptance",
            "head rows",
            "head bytes",
            "cost c",
            "MBSU",
            "same text"));
    for (TextDemo.Result result : results) {
      boolean drafted = result.drafter() != null;
      table.append(
          ROW.formatted(
              result.title(),
              decimal("%.0f", result.speed()),
              decimal("%.2f", result.speed() / plain.speed()),
              decimal("%.2f", result.efficiency().tau()),
              drafted ? decimal("%.1f %%", 100 * result.efficiency().acceptance()) : "-",
              drafted ? result.rows() : "-",
              drafted ? result.headBytes() : "-",
              drafted ? decimal("%.3f", result.cost()) : "-",
              decimal("%.2f", result.speedUp()),
              drafted ? (result.wroteTheSame(plain) ? "yes" : "no") : "-"));
    }
    return table.toString();
  }

  /**
   * Writes {@code text.txt} with the table, and {@code text-tokens.txt}: a line a text with its
   * tokens behind the prompt, method after method.
   *
   * @return the table's file
   */
  public Path write(Path folder) throws IOException {
    WholeFile.write(
        folder.resolve("text-tokens.txt"),
        results.stream()
            .flatMap(result -> result.completions().stream())
            .map(completion -> tokens(completion) + "\n")
            .collect(Collectors.joining()));
    Path file = folder.resolve("text.txt");
    WholeFile.write(file, table());
    return file;
  }

  private static String tokens(Completion completion) {
    return Arrays.stream(completion.tokens())
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(" "));
  }

  private static String decimal(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
