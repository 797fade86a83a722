package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import io.github.trimtab.benchmarks.Figure.Peer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The tables of one results file in Markdown. */
final class ResultTables {
  /** A vector method below this many times scalar is named. */
  static final double NAMED_BELOW = 1.5;

  /** Why a vector method may be that near to scalar. */
  private static final Map<String, String> REASONS =
      Map.of("compact", "rows move as they are, so both wait for memory");

  private final Results results;
  private final StringBuilder text = new StringBuilder();

  private ResultTables(Results results) {
    this.results = results;
  }

  /** Everything that was measured. */
  static String all(Results results) {
    var tables = new ResultTables(results);
    tables.machine();
    tables.speed(Group.SPEED);
    tables.peers();
    tables.text.append(ImageTables.of(results.figures()));
    tables.figures(Group.CEILING, "Ceiling");
    tables.figures(Group.COUNT, "Counting of tokens");
    tables.scalar();
    tables.calls();
    return tables.text.toString();
  }

  /** The table of the main page: one line an operation, on a CPU one column a thread count. */
  static String headlines(Results results) {
    var tables = new ResultTables(results);
    if (tables.onGpu()) {
      tables.text.append(GpuHeadlines.of(results.figures()));
    } else {
      tables.headlinesOfThreads();
    }
    tables.line("");
    tables.line(
        ("Median of cold runs on %s, %d cores, each beside what it is compared with: the figure,"
                + " and how many times as fast as the other it is. Commit %s, %s.")
            .formatted(
                results.machine().cpu(),
                results.machine().cores(),
                results.commit(),
                results.date()));
    tables.line("");
    return tables.text.toString();
  }

  private void headlinesOfThreads() {
    List<Integer> threads = threads();
    line("");
    line(
        "| Operation | Data |%s Compared with |"
            .formatted(join(threads, n -> " " + threads(n) + " |")));
    line("|---|---|%s---|".formatted(join(threads, n -> "---:|")));
    for (Figure first : group(Group.SPEED)) {
      if (first.threads() == threads.getFirst()) {
        line(
            "| %s | %s |%s %s |"
                .formatted(
                    first.name(),
                    first.shape(),
                    join(
                        threads,
                        n -> " " + same(first, n).map(ResultTables::headline).orElse("-") + " |"),
                    first.peer() == null ? "-" : first.peer().name().replaceFirst(",.*", "")));
      }
    }
  }

  private static String headline(Figure figure) {
    String value = number(figure.value().median()) + " " + figure.unit();
    Peer peer = figure.peer();
    return peer == null ? value : value + ", **" + number(peer.ratio().median()) + "**";
  }

  private void machine() {
    Machine machine = results.machine();
    line("");
    line("### %s, %d cores".formatted(machine.cpu(), machine.cores()));
    line("");
    line("%s. Commit %s, %s.".formatted(machine.software(), results.commit(), results.date()));
    results.absent().forEach(sentence -> line(sentence));
    line("");
  }

  private void peers() {
    if (!group(Group.PEER).isEmpty()) {
      line("Against other libraries, on the same data; quantised rows in each one's own format:");
      line("");
      speed(Group.PEER);
    }
  }

  private void speed(Group group) {
    line(
        "| Operation | Data |%s Measured | Against | Times as fast |"
            .formatted(ifThreads("Threads")));
    line("|---|---|%s---:|---|---:|".formatted(ifThreads("---:")));
    for (Figure figure : group(group)) {
      Peer peer = figure.peer();
      line(
          "| %s | %s |%s %s %s | %s | %s |"
              .formatted(
                  figure.name(),
                  figure.shape(),
                  ifThreads(figure.threads()),
                  number(figure.value().median()),
                  figure.unit(),
                  peer == null
                      ? "-"
                      : peer.name() + ": " + number(peer.value().median()) + " " + figure.unit(),
                  peer == null ? "-" : spread(peer.ratio())));
    }
    line("");
  }

  /** Figures that stand beside no other. */
  private void figures(Group group, String head) {
    if (group(group).isEmpty()) {
      return;
    }
    line("| %s |%s Measured |".formatted(head, ifThreads("Threads")));
    line("|---|%s---:|".formatted(ifThreads("---:")));
    for (Figure figure : group(group)) {
      line(
          "| %s |%s %s %s |"
              .formatted(
                  group == Group.COUNT ? figure.shape() : figure.name(),
                  ifThreads(figure.threads()),
                  spread(figure.value()),
                  figure.unit()));
    }
    line("");
  }

  private void scalar() {
    if (group(Group.SCALAR).isEmpty()) {
      return;
    }
    List<String> formats = group(Group.SCALAR).stream().map(Figure::shape).distinct().toList();
    line("Vector against scalar, one thread, times as fast, by the format of the pages:");
    line("");
    line("| Operation |%s".formatted(join(formats, format -> " " + format + " |")));
    line("|---|%s".formatted(join(formats, format -> "---:|")));
    for (String name : group(Group.SCALAR).stream().map(Figure::name).distinct().toList()) {
      line(
          "| %s |%s"
              .formatted(name, join(formats, format -> " " + scalarRatio(name, format) + " |")));
    }
    line("");
    List<Figure> slow =
        group(Group.SCALAR).stream().filter(figure -> ratio(figure) < NAMED_BELOW).toList();
    line(
        "Under %s times scalar: %s."
            .formatted(number(NAMED_BELOW), slow.isEmpty() ? "none" : names(slow)));
    slow.stream()
        .map(Figure::name)
        .distinct()
        .filter(REASONS::containsKey)
        .forEach(name -> line("%s: %s.".formatted(name, REASONS.get(name))));
    line("");
  }

  private static String names(List<Figure> figures) {
    return figures.stream()
        .map(figure -> "%s %s (%s)".formatted(figure.name(), figure.shape(), number(ratio(figure))))
        .collect(Collectors.joining(", "));
  }

  private String scalarRatio(String name, String format) {
    return group(Group.SCALAR).stream()
        .filter(figure -> figure.name().equals(name) && figure.shape().equals(format))
        .map(figure -> number(ratio(figure)))
        .findFirst()
        .orElse("");
  }

  private static double ratio(Figure figure) {
    return Optional.ofNullable(figure.peer()).orElseThrow().ratio().median();
  }

  private void calls() {
    if (group(Group.CALL).isEmpty()) {
      return;
    }
    line("| A call on tiny data | Measured |");
    line("|---|---:|");
    for (Figure figure : group(Group.CALL)) {
      line(
          "| %s, %s | %s %s |"
              .formatted(figure.name(), figure.shape(), spread(figure.value()), figure.unit()));
    }
    line("");
  }

  private List<Figure> group(Group group) {
    return results.figures().stream()
        .filter(figure -> figure.group() == group && !ImageTables.isTime(figure))
        .toList();
  }

  private List<Integer> threads() {
    return group(Group.SPEED).stream().map(Figure::threads).distinct().toList();
  }

  private Optional<Figure> same(Figure figure, int threads) {
    return group(Group.SPEED).stream()
        .filter(other ->
            other.name().equals(figure.name())
                && other.shape().equals(figure.shape())
                && other.threads() == threads)
        .findFirst();
  }

  private boolean onGpu() {
    return threads().equals(List.of(0));
  }

  /** A cell of the threads' column, which a GPU's tables do not have. */
  private String ifThreads(Object cell) {
    return onGpu() ? "" : " " + cell + " |";
  }

  private static String threads(int count) {
    return count == 1 ? "1 thread" : count + " threads";
  }

  private static String spread(Spread spread) {
    return number(spread.median())
        + " ("
        + number(spread.q1())
        + " to "
        + number(spread.q3())
        + ")";
  }

  /** About three digits. */
  static String number(double value) {
    String format = value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : "%.2f";
    return String.format(Locale.ROOT, format, value);
  }

  private static <T> String join(List<T> items, Function<T, String> cell) {
    return items.stream().map(cell).collect(Collectors.joining());
  }

  private void line(String line) {
    text.append(line).append('\n');
  }
}
