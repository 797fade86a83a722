package io.github.trimtab.vocab;

import io.github.trimtab.io.DraftMapFile;
import io.github.trimtab.io.GgufFile;
import io.github.trimtab.io.NpyFile;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.TorchFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Kept vocabularies in the field's files.
 *
 * <table>
 * <caption>Formats by the file name's ending</caption>
 * <tr><th>ending</th><th>content</th><th>written by or for</th></tr>
 * <tr><td>.pt, .pth</td><td>list of ids or tensor, most frequent first</td><td>FR-Spec, SGLang</td></tr>
 * <tr><td>.safetensors</td><td>{@code d2t} (id minus place) and {@code t2d} (mask)</td><td>EAGLE-3,
 * SpecForge, speculators</td></tr>
 * <tr><td>.gguf</td><td>{@code d2t}, absolute ids</td><td>llama.cpp</td></tr>
 * <tr><td>.json</td><td>array of ids, or an object with {@code ids}</td><td></td></tr>
 * <tr><td>.npy</td><td>vector of ids; {@code t2d} as booleans; {@code d2t} (id minus place) by that
 * name, with {@code t2d} beside it where there is one</td><td>NumPy, speculators</td></tr>
 * <tr><td>.txt</td><td>one count for each id; reading keeps those counted</td><td>SpecVocab</td></tr>
 * </table>
 *
 * <p>Files are read by what they begin with where that tells, else by their ending. Known faults
 * are mended with a message where one reading is certain, and refused where it is not.
 */
public final class KeptFile {
  private KeptFile() {}

  /**
   * What was read.
   *
   * @param kept the ids
   * @param messages what was odd and how it was mended, a line each
   */
  public record Read(KeptVocabulary kept, List<String> messages) {}

  private enum Format {
    TORCH,
    SAFETENSORS,
    GGUF,
    JSON,
    NPY,
    COUNTS
  }

  /**
   * Reads a kept vocabulary.
   *
   * @param expected the vocabulary that it must be of, and the tokenizer where one is known
   * @throws IllegalArgumentException if ids are outside the vocabulary, or the file names another
   *     vocabulary size or tokenizer
   * @throws IOException if the file cannot be read or breaks its format
   */
  public static Read read(Path file, Provenance expected) throws IOException {
    List<String> messages = new ArrayList<>();
    KeptVocabulary kept =
        switch (formatOf(file)) {
          case TORCH -> clean(file, expected, TorchFile.readIntegers(file), true, messages);
          case NPY ->
              clean(file, expected, DraftMaps.fromNpy(file, expected, messages), false, messages);
          case SAFETENSORS -> {
            try (Safetensors tensors = Safetensors.open(file)) {
              requireSame(file, expected, tensors.metadata());
              yield clean(
                  file,
                  expected,
                  DraftMaps.fromOffsets(tensors, expected, messages),
                  false,
                  messages);
            }
          }
          case GGUF -> {
            GgufFile.Vector map = GgufFile.readVector(file, DraftMaps.NAME);
            requireSame(file, expected, map.texts());
            long[] ids = DraftMaps.fromAbsolute(file, map, expected);
            yield clean(file, expected, ids, false, messages);
          }
          case JSON -> {
            KeptJson json = KeptJson.read(file);
            requireSame(file, expected, json.texts());
            long[] ids = json.ids().stream().mapToLong(id -> id).toArray();
            yield clean(file, expected, ids, json.isRanked(), messages);
          }
          case COUNTS -> {
            TokenCounts counts = CountsFile.read(file, expected);
            if (counts.total() == 0) {
              throw new IllegalArgumentException(
                  file + ": no id was counted, expected one or more");
            }
            yield new Trim(counts, CountsFile.counted(counts), new BitSet(), 1)
                .topK(counts.distinct());
          }
        };
    return new Read(kept, List.copyOf(messages));
  }

  /**
   * Writes a kept vocabulary in the format of the file's ending, replacing what was there.
   *
   * @throws IllegalArgumentException if the ending is none that can hold it
   */
  public static void write(Path file, KeptVocabulary kept) throws IOException {
    Provenance provenance = kept.provenance();
    switch (byEnding(file)) {
      case TORCH -> TorchFile.writeList(file, kept.idsByRank());
      case NPY -> NpyFile.writeVector(file, DraftMaps.toNpy(file, kept.ids()));
      case SAFETENSORS ->
          DraftMapFile.write(file, kept.ids(), provenance.vocabularySize(), texts(provenance));
      case GGUF ->
          GgufFile.writeVector(file, texts(provenance), Map.of(), DraftMaps.NAME, kept.ids());
      case JSON -> KeptJson.write(file, kept);
      case COUNTS ->
          throw new IllegalArgumentException(
              file + ": counts, expected .pt, .safetensors, .gguf, .json or .npy for kept ids");
    }
  }

  /** What files with room for texts say of the provenance. */
  static Map<String, String> texts(Provenance provenance) {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("trimtab.vocabulary_size", Integer.toString(provenance.vocabularySize()));
    if (!provenance.tokenizer().isEmpty()) {
      texts.put("trimtab.tokenizer", provenance.tokenizer());
    }
    if (!provenance.source().isEmpty()) {
      texts.put("trimtab.source", provenance.source());
    }
    return texts;
  }

  /** Refuses a file that says that it is of another vocabulary or tokenizer. */
  private static void requireSame(Path file, Provenance expected, Map<String, String> texts) {
    String size = texts.getOrDefault("trimtab.vocabulary_size", "");
    if (!size.isEmpty() && !size.equals(Integer.toString(expected.vocabularySize()))) {
      throw new IllegalArgumentException(
          file + ": vocabulary of " + size + " ids, expected " + expected.vocabularySize());
    }
    String tokenizer = texts.getOrDefault("trimtab.tokenizer", "");
    Provenance own;
    try {
      own = new Provenance("", tokenizer, expected.vocabularySize());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    }
    expected.requireSame(file.toString(), own);
  }

  /** Refuses ids outside the vocabulary and drops repeats, which only cost rows. */
  private static KeptVocabulary clean(
      Path file, Provenance expected, long[] ids, boolean isRanked, List<String> messages) {
    boolean[] seen = new boolean[expected.vocabularySize()];
    int[] unique = new int[ids.length];
    int count = 0;
    int firstRepeat = -1;
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= seen.length) {
        throw new IllegalArgumentException(
            file + ": id " + ids[i] + " at place " + i + ", expected 0 to " + (seen.length - 1));
      }
      int id = (int) ids[i];
      if (seen[id]) {
        firstRepeat = firstRepeat < 0 ? i : firstRepeat;
      } else {
        seen[id] = true;
        unique[count++] = id;
      }
    }
    if (count == 0) {
      throw new IllegalArgumentException(file + ": no id, expected at least one");
    }
    if (count < ids.length) {
      messages.add(
          file
              + ": "
              + (ids.length - count)
              + " repeated ids dropped, the first "
              + ids[firstRepeat]
              + " at place "
              + firstRepeat);
    }
    int[] all = Arrays.copyOf(unique, count);
    return isRanked ? KeptVocabulary.ranked(expected, all) : KeptVocabulary.of(expected, all);
  }

  private static Format formatOf(Path file) throws IOException {
    byte[] begin;
    try (InputStream in = Files.newInputStream(file)) {
      begin = in.readNBytes(6);
    }
    String text = new String(begin, StandardCharsets.ISO_8859_1);
    if (text.startsWith("PK")) {
      return Format.TORCH;
    }
    if (text.startsWith("GGUF")) {
      return Format.GGUF;
    }
    return text.equals("\u0093NUMPY") ? Format.NPY : byEnding(file);
  }

  private static Format byEnding(Path file) {
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    return switch (name.substring(name.lastIndexOf('.') + 1)) {
      case "pt", "pth" -> Format.TORCH;
      case "safetensors" -> Format.SAFETENSORS;
      case "gguf" -> Format.GGUF;
      case "json" -> Format.JSON;
      case "npy" -> Format.NPY;
      case "txt" -> Format.COUNTS;
      default ->
          throw new IllegalArgumentException(
              file + ": unknown ending, expected .pt, .safetensors, .gguf, .json, .npy or .txt");
    };
  }
}
