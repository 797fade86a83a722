package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** The studies of cost against size in Markdown. */
final class StudyTables {
  /** Studies whose lines are times against a number. */
  private static final Map<Group, String> AGAINST =
      Map.of(
          Group.TOKENS, "cached tokens",
          Group.ROWS, "rows of the head",
          Group.VECTORS, "vectors",
          Group.THREADS, "threads");

  private final Results results;
  private final List<String> text = new ArrayList<>();

  private StudyTables(Results results) {
    this.results = results;
  }

  static String all(Results results) {
    var tables = new StudyTables(results);
    Machine machine = results.machine();
    tables.line(
        "%s, %d cores; %s. Commit %s, %s. Medians in ms on cold data."
            .formatted(
                machine.cpu(),
                machine.cores(),
                machine.software(),
                results.commit(),
                results.date()));
    for (Group group : List.of(Group.TOKENS, Group.ROWS, Group.VECTORS, Group.THREADS)) {
      tables.study(group);
    }
    tables.draft();
    return String.join("\n", tables.text) + "\n";
  }

  /** What the numbers of a study count. */
  static String against(Group group) {
    return Optional.ofNullable(AGAINST.get(group)).orElse("rows kept");
  }

  /** The figures of a study by line, each in the order of measurement. */
  static Map<String, List<Figure>> lines(Results results, Group group) {
    return results.figures().stream()
        .filter(figure -> figure.group() == group)
        .collect(Collectors.groupingBy(Figure::name, LinkedHashMap::new, Collectors.toList()));
  }

  private void study(Group group) {
    Map<String, List<Figure>> lines = lines(results, group);
    if (lines.isEmpty()) {
      return;
    }
    List<Integer> sizes = sizes(lines);
    line("");
    head("Time against " + against(group), sizes, " fitted exponent |");
    for (var line : lines.entrySet()) {
      boolean many = line.getValue().size() > 1;
      line(
          "| %s |%s %s |"
              .formatted(
                  line.getKey(),
                  cells(line.getValue(), sizes),
                  many ? number(SizeStudy.exponent(line.getValue())) : "-"));
    }
    picture(results, group);
  }

  private void picture(Results results, Group group) {
    if (StudyPlots.isDrawn(results, group)) {
      line("");
      line(
          "![time against %s](results/%s)"
              .formatted(against(group), StudyPlots.file(results, group)));
    }
  }

  private void draft() {
    Map<String, List<Figure>> lines = lines(results, Group.DRAFT);
    Optional<Double> read = readCeiling();
    if (lines.isEmpty() || read.isEmpty()) {
      return;
    }
    List<Integer> sizes = List.of(65536, 32768, 16384, 8192, 4096);
    line("");
    line("Heads of published drafters (random weights of their shapes), one vector, by rows kept:");
    line("");
    head("Head", sizes, " all rows |");
    for (DraftStudy.Pair pair : DraftStudy.PAIRS) {
      for (List<Figure> line : of(lines, pair)) {
        line(
            "| %s |%s %s |"
                .formatted(
                    line.getFirst().name(), cells(line, sizes), cell(line, pair.vocabulary())));
      }
    }
    line("");
    line(
        ("The same as times MBSU, tau / (c gamma + 1) with gamma = %d, over the full head of BF16"
                + " rows at equal acceptance: the most that a trimmed head can gain. c from the"
                + " times above and from all other weights as BF16, read at %s GB/s, the ceiling of"
                + " the same run.")
            .formatted(DraftStudy.GAMMA, number(read.get())));
    line("");
    head("Drafter for target, rows", sizes, " all rows |");
    for (DraftStudy.Pair pair : DraftStudy.PAIRS) {
      List<List<Figure>> formats = of(lines, pair);
      for (List<Figure> line : formats) {
        double full = time(formats.getFirst(), pair.vocabulary()).orElseThrow();
        List<Integer> all = new ArrayList<>(sizes);
        all.add(pair.vocabulary());
        line(
            "| %s for %s,%s |%s"
                .formatted(
                    pair.drafter(),
                    pair.targetName(),
                    line.getFirst().name().substring(pair.toString().length() + 1),
                    all.stream()
                        .map(kept -> DraftStudy.gain(pair, line, full, kept, read.get()))
                        .map(gain -> " " + number(gain) + " |")
                        .collect(Collectors.joining())));
      }
    }
    picture(results, Group.DRAFT);
  }

  private static List<List<Figure>> of(Map<String, List<Figure>> lines, DraftStudy.Pair pair) {
    return lines.values().stream()
        .filter(line -> line.getFirst().name().startsWith(pair + ","))
        .toList();
  }

  private Optional<Double> readCeiling() {
    return results.figures().stream()
        .filter(figure -> figure.group() == Group.CEILING)
        .map(figure -> figure.value().median())
        .max(Double::compare);
  }

  private void head(String title, List<Integer> sizes, String last) {
    line(
        "| "
            + title
            + " |"
            + sizes.stream().map(size -> " " + size + " |").collect(Collectors.joining())
            + last);
    line("|---|" + "---:|".repeat(sizes.size() + 1));
  }

  private static List<Integer> sizes(Map<String, List<Figure>> lines) {
    return lines.values().stream()
        .flatMap(List::stream)
        .map(SizeStudy::size)
        .distinct()
        .sorted()
        .toList();
  }

  private static String cells(List<Figure> line, List<Integer> sizes) {
    return sizes.stream().map(size -> " " + cell(line, size) + " |").collect(Collectors.joining());
  }

  private static String cell(List<Figure> line, int size) {
    return time(line, size).map(StudyTables::number).orElse("-");
  }

  private static Optional<Double> time(List<Figure> line, int size) {
    return line.stream()
        .filter(figure -> SizeStudy.size(figure) == size)
        .map(figure -> figure.value().median())
        .findFirst();
  }

  /** Three digits. */
  private static String number(double value) {
    double size = Math.abs(value);
    String format = size >= 99.95 ? "%.0f" : size >= 9.995 ? "%.1f" : size >= 0.1 ? "%.2f" : "%.3f";
    return String.format(Locale.ROOT, format, value);
  }

  private void line(String line) {
    text.add(line);
  }
}
