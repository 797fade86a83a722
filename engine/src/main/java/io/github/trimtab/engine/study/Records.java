package io.github.trimtab.engine.study;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Measurements in a file, a line each, written as they come: a study that was stopped goes on where
 * it was. Any thread.
 */
final class Records implements AutoCloseable {

  private final List<Measurement> all = new ArrayList<>();
  private final Set<Measurement.Key> keys = new HashSet<>();
  private final Writer out;

  /**
   * Reads what a file holds and appends to it. A last line without its end, from a study that was
   * killed, is dropped.
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
    if (keys.add(measurement.key())) {
      all.add(measurement);
    }
  }

  synchronized boolean has(Measurement.Key key) {
    return keys.contains(key);
  }

  /** Writes a measurement through to the file. */
  synchronized void add(Measurement measurement) {
    keep(measurement);
    try {
      out.write(measurement.format() + "\n");
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Everything measured, earlier runs of the study included. */
  synchronized List<Measurement> all() {
    return List.copyOf(all);
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
