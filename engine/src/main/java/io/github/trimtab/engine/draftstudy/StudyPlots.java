package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.Drafter;
import io.github.trimtab.engine.report.Curves;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** A study's curves as PNG files, a point a size of the kept vocabulary. Needs no display. */
public final class StudyPlots {

  private StudyPlots() {}

  /** What a picture's lines differ in. */
  private enum View {
    TEMPERATURES,
    SOURCES,
    DOMAINS
  }

  /** One measure of a cell. */
  private record Measure(String name, String title, String axis, Function<Summary, Ratio> of) {}

  private static final List<Measure> MEASURES =
      List.of(
          new Measure(
              "mbsu",
              "memory-bound speed-up at the models' own weights",
              "MBSU",
              summary -> summary.own().value()),
          new Measure("speed", "measured speed", "tokens a second", Summary::speed));

  /**
   * Draws MBSU and, where measured, tokens a second against the rows kept, for each drafter: a line
   * for each temperature; for each source of counts and for each domain with its own list, both at
   * the first temperature. Bars are standard errors over prompts. Only what was measured at two
   * sizes or more is drawn.
   *
   * @return the files
   */
  public static List<Path> write(List<Summary> summaries, Path folder) throws IOException {
    List<Path> files = new ArrayList<>();
    if (summaries.isEmpty()) {
      return files;
    }
    for (Drafter drafter : Drafter.values()) {
      for (View view : View.values()) {
        Map<String, List<Summary>> lines = lines(summaries, drafter, view);
        for (Measure measure : MEASURES) {
          if (!lines.isEmpty() && isKnown(measure, lines)) {
            String file = measure.name + "-" + lower(view.name()) + "-" + lower(drafter.name());
            String title = drafter.title() + ": " + measure.title;
            files.add(draw(title, measure, lines, folder.resolve(file + ".png")));
          }
        }
      }
    }
    return files;
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  private static boolean isKnown(Measure measure, Map<String, List<Summary>> lines) {
    return lines.values().stream()
        .flatMap(List::stream)
        .noneMatch(summary -> Double.isNaN(measure.of.apply(summary).value()));
  }

  /** The lines of a view, each by rising rows. */
  private static Map<String, List<Summary>> lines(List<Summary> all, Drafter drafter, View view) {
    Map<String, List<Summary>> lines = new LinkedHashMap<>();
    List<Summary> shared = new ArrayList<>();
    Cell first =
        all.stream()
            .map(Summary::cell)
            .filter(cell -> cell.drafter() != null)
            .findFirst()
            .orElse(all.getFirst().cell());
    all.stream()
        .filter(summary -> summary.cell().drafter() == drafter && isPlainHead(summary.cell()))
        .sorted(Comparator.comparingInt(summary -> summary.cell().rows()))
        .forEach(summary -> {
          String line = line(summary.cell(), first, view);
          if (line != null) {
            (line.isEmpty() ? shared : lines.computeIfAbsent(line, _ -> new ArrayList<>()))
                .add(summary);
          }
        });
    lines.values().forEach(line -> line.addAll(shared));
    lines.values().removeIf(line -> line.size() < 2);
    return lines;
  }

  private static boolean isPlainHead(Cell cell) {
    return cell.tail() == 0 && cell.choice() == Cell.Choice.FIXED;
  }

  /** The line that a cell is on: none, or all of them (empty). */
  private static @Nullable String line(Cell cell, Cell first, View view) {
    boolean isMain = cell.domain().equals(first.domain()) && cell.gamma() == first.gamma();
    boolean isLead = cell.temperature() == first.temperature() && cell.gamma() == first.gamma();
    boolean isOwn = cell.list().isEmpty() || cell.list().equals("target-" + cell.domain());
    return switch (view) {
      case TEMPERATURES -> isMain && isOwn ? "T = " + cell.temperature() : null;
      case SOURCES -> isMain && isLead ? cell.list() : null;
      case DOMAINS -> isLead && isOwn ? cell.domain() : null;
    };
  }

  private static Path draw(
      String title, Measure measure, Map<String, List<Summary>> lines, Path file)
      throws IOException {
    Curves curves = new Curves(title, "rows of the draft head", measure.axis).logarithmic();
    for (Map.Entry<String, List<Summary>> line : lines.entrySet()) {
      List<Ratio> values = line.getValue().stream().map(measure.of).toList();
      curves.add(
          line.getKey(),
          doubles(line.getValue(), summary -> summary.cell().rows()),
          doubles(values, Ratio::value),
          doubles(values, Ratio::error));
    }
    return curves.write(file);
  }

  private static <T> double[] doubles(List<T> items, ToDoubleFunction<T> value) {
    return items.stream().mapToDouble(value).toArray();
  }
}
