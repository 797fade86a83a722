package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import io.github.trimtab.benchmarks.Figure.Peer;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BinaryOperator;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The main page's table of a GPU: a line an operation, its share of what memory can do and how many
 * times as fast it is as the best form of each other library.
 */
final class GpuHeadlines {
  /** Figures of an operation beside another form of itself. */
  private static final String ITSELF = ".*(packed|against (contiguous|one query))";

  private static final String HEAD =
      """

      | Operation | Data | Time | Share of memory's speed | Times as fast as |
      |---|---|---:|---|---|
      """;

  private GpuHeadlines() {}

  static String of(List<Figure> figures) {
    Map<List<String>, List<Figure>> operations =
        Stream.concat(of(figures, Group.SPEED), of(figures, Group.PEER))
            .filter(figure -> !figure.name().equals("image") && !figure.shape().matches(ITSELF))
            .collect(
                Collectors.groupingBy(
                    figure -> List.of(figure.name(), subject(figure)),
                    LinkedHashMap::new,
                    Collectors.toList()));
    return operations.values().stream()
        .filter(operation -> operation.getFirst().group() == Group.SPEED)
        .map(GpuHeadlines::line)
        .collect(Collectors.joining("", HEAD, ""));
  }

  private static Stream<Figure> of(List<Figure> figures, Group group) {
    return figures.stream().filter(figure -> figure.group() == group);
  }

  /** What it was measured on, without what it stands beside. */
  private static String subject(Figure figure) {
    return figure.shape().replaceFirst(",? against .*", "");
  }

  private static String line(List<Figure> operation) {
    Figure first = operation.getFirst();
    List<Peer> peers =
        operation.stream().flatMap(figure -> Optional.ofNullable(figure.peer()).stream()).toList();
    Predicate<Peer> ceiling = peer -> peer.name().startsWith("memory ");
    return "| %s | %s | %s %s | %s | %s |\n"
        .formatted(
            first.name(),
            subject(first),
            ResultTables.number(first.value().median()),
            first.unit(),
            cells(peers.stream().filter(ceiling).map(peer -> cell(peer, ",.*"))),
            cells(
                fastest(peers.stream().filter(ceiling.negate())).stream()
                    .map(peer -> cell(peer, ""))));
  }

  /** The ratio, and the other's name without what {@code details} matches. */
  private static String cell(Peer peer, String details) {
    return "**%s** %s"
        .formatted(
            ResultTables.number(peer.ratio().median()), peer.name().replaceFirst(details, ""));
  }

  private static String cells(Stream<String> cells) {
    return Optional.of(cells.collect(Collectors.joining("; ")))
        .filter(s -> !s.isEmpty())
        .orElse("-");
  }

  private static Collection<Peer> fastest(Stream<Peer> libraries) {
    return libraries
        .collect(
            Collectors.toMap(
                peer -> peer.name().replaceFirst("\\W.*", ""),
                peer -> peer,
                BinaryOperator.minBy(Comparator.comparingDouble(peer -> peer.ratio().median())),
                LinkedHashMap::new))
        .values();
  }
}
