package io.github.trimtab.vocab;

import io.github.trimtab.io.WholeFile;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * Token counts as text: one count a line, the line's place being the id. Lines that begin with #
 * are comments; three of them say where the counts come from.
 */
public final class CountsFile {
  private CountsFile() {}

  /**
   * Reads counts that say themselves how large the vocabulary is: by a comment, or by their number.
   *
   * @throws IllegalArgumentException if a line is no count, or there are too few or too many
   */
  public static TokenCounts read(Path file) throws IOException {
    return parse(file, -1, "");
  }

  /**
   * Reads counts of a known vocabulary.
   *
   * @throws IllegalArgumentException also if the file is of another vocabulary or tokenizer
   */
  public static TokenCounts read(Path file, Provenance expected) throws IOException {
    TokenCounts counts = parse(file, expected.vocabularySize(), expected.tokenizer());
    expected.requireSame(file.toString(), counts.provenance());
    return counts;
  }

  private static TokenCounts parse(Path file, int expectedSize, String tokenizer)
      throws IOException {
    Map<String, String> comments = new HashMap<>();
    long[] counts = new long[1024];
    int size = 0;
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int colon = line.indexOf(": ");
        if (line.startsWith("#")) {
          if (colon > 0) {
            comments.put(line.substring(1, colon).strip(), line.substring(colon + 2).strip());
          }
          continue;
        }
        if (size == Provenance.MOST_IDS) {
          throw bad(file, "more than " + size + " counts", "one an id");
        }
        if (size == counts.length) {
          counts = Arrays.copyOf(counts, 2 * size);
        }
        counts[size] = count(file, size, line.strip());
        size++;
      }
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + ": not UTF-8, expected one count a line", e);
    }
    String declared = comments.getOrDefault("vocabulary_size", String.valueOf(size));
    if (!declared.equals(String.valueOf(size)) || (expectedSize >= 0 && expectedSize != size)) {
      throw bad(
          file, size + " counts", expectedSize >= 0 ? String.valueOf(expectedSize) : declared);
    }
    try {
      Provenance provenance =
          new Provenance(
              comments.getOrDefault("source", ""),
              comments.getOrDefault("tokenizer", tokenizer),
              size);
      return new TokenCounts(provenance, Arrays.copyOf(counts, size));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
  }

  private static long count(Path file, int id, String text) {
    try {
      long count = Long.parseLong(text);
      if (count >= 0) {
        return count;
      }
    } catch (NumberFormatException e) {
      // The same message as for a negative number.
    }
    throw bad(file, "count of id " + id + ": " + text, "an integer from 0");
  }

  private static IllegalArgumentException bad(Path file, String value, String expected) {
    return new IllegalArgumentException(file + ": " + value + ", expected " + expected);
  }

  /** Writes counts, replacing what was there. */
  public static void write(Path file, TokenCounts counts) throws IOException {
    StringBuilder text = new StringBuilder();
    KeptFile.texts(counts.provenance())
        .forEach((key, value) ->
            text.append("# ")
                .append(key.substring(key.indexOf('.') + 1))
                .append(": ")
                .append(value.replaceAll("\\R", " "))
                .append('\n'));
    for (long count : counts.toArray()) {
      text.append(count).append('\n');
    }
    WholeFile.write(file, text.toString());
  }

  /** The ids that occurred. */
  static BitSet counted(TokenCounts counts) {
    BitSet counted = new BitSet();
    for (int id = 0; id < counts.provenance().vocabularySize(); id++) {
      counted.set(id, counts.count(id) > 0);
    }
    return counted;
  }
}
