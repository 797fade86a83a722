package io.github.trimtab.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one run measured, as it lies in a file of {@code benchmarks/results}.
 *
 * @param machine where it ran
 * @param commit of this repository, with "+" behind it if files differed from it
 * @param date UTC, as yyyy-mm-dd
 * @param absent peers that could not take part, a sentence each
 * @param figures in the order of measurement
 */
public record Results(
    Machine machine, String commit, String date, List<String> absent, List<Figure> figures) {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  static Results read(Path file) throws IOException {
    return JSON.readValue(file.toFile(), Results.class);
  }

  void write(Path file) throws IOException {
    Files.writeString(file, JSON.writeValueAsString(this) + "\n");
  }

  /**
   * One run of its parts, each of which may have run in several virtual machines: of a figure, the
   * middle one of them is taken.
   *
   * @param parts of one machine and commit
   */
  static Results merged(List<Results> parts) {
    Map<List<Object>, List<Figure>> runs = new LinkedHashMap<>();
    for (Results part : parts) {
      for (Figure figure : part.figures) {
        List<Object> what =
            List.of(
                figure.group(),
                figure.name(),
                figure.shape(),
                figure.threads(),
                figure.unit(),
                figure.group() == Figure.Group.PEER ? requirePeer(figure).name() : "");
        runs.computeIfAbsent(what, key -> new ArrayList<>()).add(figure);
      }
    }
    List<Figure> middle = runs.values().stream().map(Results::middle).toList();
    Results first = parts.getFirst();
    List<String> absent = parts.stream().flatMap(part -> part.absent.stream()).distinct().toList();
    return new Results(first.machine, first.commit, first.date, absent, middle);
  }

  private static Figure.Peer requirePeer(Figure figure) {
    return Optional.ofNullable(figure.peer()).orElseThrow();
  }

  private static Figure middle(List<Figure> runs) {
    List<Figure> sorted =
        runs.stream().sorted(Comparator.comparingDouble(Results::whatCounts)).toList();
    return sorted.get((sorted.size() - 1) / 2);
  }

  /** The share of a peer or ceiling where there is one. */
  private static double whatCounts(Figure figure) {
    Figure.Peer peer = figure.peer();
    return peer == null ? figure.value().median() : peer.ratio().median();
  }
}
