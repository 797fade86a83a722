package io.github.trimtab.engine.report;

import io.github.trimtab.io.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * Measurements in a file, a line each, written as they come: a study that was stopped goes on where
 * it was. Of two with the same key the first counts. Any thread.
 *
 * @param <M> a measurement
 */
public final class Records<M> implements AutoCloseable {

  private final Map<Object, M> measured = new LinkedHashMap<>();
  private final Function<M, String> format;
  private final Function<M, ?> key;
  private final Writer out;

  /**
   * Reads what a file holds and appends to it. A last line without its end, from a study that was
   * killed, is dropped.
   *
   * @param parse makes a measurement of its place, for messages, and its line
   * @param format makes the line, without its end
   * @param key says which measurement it is, by value
   * @throws IllegalArgumentException from {@code parse}, where a whole line is none of ours
   */
  public Records(
      Path file,
      BiFunction<String, String, M> parse,
      Function<M, String> format,
      Function<M, ?> key)
      throws IOException {
    this.format = format;
    this.key = key;
    if (Files.exists(file)) {
      String text = Files.readString(file);
      String whole = text.substring(0, text.lastIndexOf('\n') + 1);
      int number = 0;
      for (String line : whole.lines().toList()) {
        M measurement = parse.apply(file + ", line " + ++number, line);
        measured.putIfAbsent(key.apply(measurement), measurement);
      }
      if (whole.length() < text.length()) {
        WholeFile.write(file, whole);
      }
    }
    out = Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  /** Whether there is a measurement with this key. */
  public synchronized boolean has(Object key) {
    return measured.containsKey(key);
  }

  /** Writes a measurement through to the file, unless there is one with its key. */
  public synchronized void add(M measurement) {
    if (measured.putIfAbsent(key.apply(measurement), measurement) == null) {
      try {
        out.write(format.apply(measurement) + "\n");
        out.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Everything measured, earlier runs of the study included, in the order it came. */
  public synchronized List<M> all() {
    return List.copyOf(measured.values());
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
