package io.github.trimtab.engine.draftstudy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Measurements in a file, a line each, written as they come: a stopped study goes on there. */
final class Records implements AutoCloseable {

  private final Map<String, Map<Integer, Measurement>> cells = new LinkedHashMap<>();
  private final Writer out;

  /**
   * Reads what a file holds and appends to it. A last line without its end is dropped.
   *
   * @throws IllegalArgumentException naming file and line, where a whole line is none of ours
   */
  Records(Path file) throws IOException {
    if (Files.exists(file)) {
      String text = Files.readString(file);
      String whole = text.substring(0, text.lastIndexOf('\n') + 1);
      int number = 0;
      for (String line : whole.lines().toList()) {
        keep(Measurement.parse(file + ", line " + ++number, line));
      }
      if (whole.length() < text.length()) {
        Files.writeString(file, whole);
      }
    }
    out = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private void keep(Measurement measurement) {
    cells
        .computeIfAbsent(measurement.cell(), _ -> new TreeMap<>())
        .put(measurement.prompt(), measurement);
  }

  boolean has(Cell cell, int prompt) {
    return cells.getOrDefault(cell.id(), Map.of()).containsKey(prompt);
  }

  void add(Measurement measurement) {
    keep(measurement);
    try {
      out.write(measurement.format() + "\n");
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A cell's measurements by rising prompt. */
  List<Measurement> of(Cell cell) {
    return List.copyOf(cells.getOrDefault(cell.id(), Map.of()).values());
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
