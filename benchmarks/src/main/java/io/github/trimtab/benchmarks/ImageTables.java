package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import io.github.trimtab.benchmarks.Figure.Peer;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** The tables of whole images: what attention and cache cost, and the bytes that they hold. */
final class ImageTables {
  private static final String NAME = "image";
  private static final double MILLI = 1e-3; // of microseconds

  private final List<Figure> figures;
  private final StringBuilder text = new StringBuilder();

  private ImageTables(List<Figure> figures) {
    this.figures = figures;
  }

  /** Whether a figure is the time of an image, which stands in no other table. */
  static boolean isTime(Figure figure) {
    return figure.name().equals(NAME);
  }

  /** Both tables, as far as there are figures for them. */
  static String of(List<Figure> figures) {
    var tables = new ImageTables(figures);
    tables.times();
    tables.bytes();
    return tables.text.toString();
  }

  private void times() {
    List<Figure> ours = all(figure -> isTime(figure) && figure.group() == Group.SPEED);
    if (ours.isEmpty()) {
      return;
    }
    List<Figure> peers = all(figure -> isTime(figure) && figure.group() == Group.PEER);
    List<String> columns = peers.stream().map(figure -> peer(figure).name()).distinct().toList();
    text.append(
        "Attention and cache of a whole image in ms; in parentheses, how many times as fast as that"
            + " this library is:\n\n");
    row("Image", "This library, against its full cache", columns);
    text.append("|---|---:|").append("---:|".repeat(columns.size())).append('\n');
    for (Figure image : ours) {
      Peer full = image.peer();
      String cell =
          number(image.value().median() * MILLI)
              + (full == null ? "" : " (" + number(full.ratio().median()) + ")");
      row(
          image.shape(),
          cell,
          columns.stream().map(column -> time(peers, image.shape(), column)).toList());
    }
    text.append('\n');
  }

  private static String time(List<Figure> peers, String image, String column) {
    return peers.stream()
        .filter(figure -> figure.shape().equals(image) && peer(figure).name().equals(column))
        .map(ImageTables::peer)
        .map(peer ->
            number(peer.value().median() * MILLI) + " (" + number(peer.ratio().median()) + ")")
        .findFirst()
        .orElse("");
  }

  private void bytes() {
    List<Figure> counted = all(figure -> figure.group() == Group.BYTES);
    if (counted.isEmpty()) {
      return;
    }
    List<String> columns = counted.stream().map(ImageTables::when).distinct().toList();
    text.append(
        "Keys and values of an image in MiB: without pages, of all tokens and of those that the"
            + " last scale finds; then as the pool of pages counts them, and how many times fewer"
            + " these are than each of the former:\n\n");
    row("Image", "Without pages", columns);
    text.append("|---|---:|").append("---:|".repeat(columns.size())).append('\n');
    for (String image : counted.stream().map(Figure::name).distinct().toList()) {
      List<Figure> rows = counted.stream().filter(figure -> figure.name().equals(image)).toList();
      row(image, without(rows), columns.stream().map(column -> held(rows, column)).toList());
    }
    text.append('\n');
  }

  private static String without(List<Figure> rows) {
    return rows.stream()
        .map(figure -> number(peer(figure).value().median()) + " (" + peer(figure).name() + ")")
        .distinct()
        .collect(Collectors.joining(", "));
  }

  private static String held(List<Figure> rows, String when) {
    List<Figure> those = rows.stream().filter(figure -> when(figure).equals(when)).toList();
    return number(those.getFirst().value().median())
        + those.stream()
            .map(figure -> number(peer(figure).ratio().median()))
            .collect(Collectors.joining(", ", " (", ")"));
  }

  /** When so much is held, without what it is compared with. */
  private static String when(Figure figure) {
    return figure.shape().replaceFirst(",.*", "");
  }

  private static Peer peer(Figure figure) {
    return Optional.ofNullable(figure.peer()).orElseThrow();
  }

  private List<Figure> all(Predicate<Figure> which) {
    return figures.stream().filter(which).toList();
  }

  private void row(String first, String second, List<String> cells) {
    text.append("| ").append(first).append(" | ").append(second).append(" |");
    cells.forEach(cell -> text.append(' ').append(cell).append(" |"));
    text.append('\n');
  }

  private static String number(double value) {
    return ResultTables.number(value);
  }
}
