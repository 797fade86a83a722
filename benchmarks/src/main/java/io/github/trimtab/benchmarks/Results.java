package io.github.trimtab.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

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

  /** The same run with more figures. */
  Results with(List<Figure> more) {
    List<Figure> all = new ArrayList<>(figures);
    all.addAll(more);
    return new Results(machine, commit, date, absent, all);
  }
}
