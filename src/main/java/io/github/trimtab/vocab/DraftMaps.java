package io.github.trimtab.vocab;

import io.github.trimtab.io.GgufFile;
import io.github.trimtab.io.NpyFile;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** What {@code d2t} and {@code t2d} tensors mean, and which of them to believe. */
final class DraftMaps {
  static final String NAME = "d2t";
  private static final String MASK = "t2d";

  private DraftMaps() {}

  /** Target ids of EAGLE-3's pair in a checkpoint. */
  static long[] fromOffsets(Safetensors file, Provenance expected, List<String> messages) {
    long @Nullable [] mask = file.contains(MASK) ? masked(file, expected) : null;
    if (!file.contains(NAME)) {
      if (mask == null) {
        throw new IllegalArgumentException(
            file.file() + ": neither d2t nor t2d, expected one of them");
      }
      messages.add(file.file() + ": no d2t, ids taken from t2d");
      return mask;
    }
    return joined(file.file(), integers(file, expected), mask, expected, messages);
  }

  /**
   * Target ids of .npy files: booleans are {@code t2d}; a file with {@code d2t} in its name holds
   * offsets, and {@code t2d} may lie beside it; any other holds ids.
   */
  static long[] fromNpy(Path file, Provenance expected, List<String> messages) throws IOException {
    long[] values = NpyFile.readVector(file);
    if (NpyFile.readHeader(file).isBoolean()) {
      return places(file, values, expected);
    }
    String name = String.valueOf(file.getFileName());
    if (!name.contains(NAME)) {
      return values;
    }
    Path beside = file.resolveSibling(name.replace(NAME, MASK));
    long @Nullable [] mask =
        Files.exists(beside) ? places(beside, NpyFile.readVector(beside), expected) : null;
    return joined(file, values, mask, expected, messages);
  }

  /** What a .npy file of this name holds of ascending ids. */
  static int[] toNpy(Path file, int[] ids) {
    boolean isMap = String.valueOf(file.getFileName()).contains(NAME);
    return isMap ? IntStream.range(0, ids.length).map(i -> ids[i] - i).toArray() : ids;
  }

  /** The places where a mask over the vocabulary is 1. */
  private static long[] places(Path file, long[] mask, Provenance expected) {
    if (mask.length != expected.vocabularySize()) {
      throw new IllegalArgumentException(
          file + ": t2d: " + mask.length + " places, expected " + expected.vocabularySize());
    }
    return LongStream.range(0, mask.length).filter(id -> mask[(int) id] == 1).toArray();
  }

  /**
   * {@code d2t[i] + i} must be the places where {@code t2d} is true. A {@code d2t} that breaks this
   * (some checkpoints carry one of zeros) is made again from {@code t2d} where that has as many
   * places.
   */
  private static long[] joined(
      Path file,
      long[] offsets,
      long @Nullable [] masked,
      Provenance expected,
      List<String> messages) {
    long[] ids = new long[offsets.length];
    boolean isMap = true;
    for (int i = 0; i < ids.length; i++) {
      ids[i] = i + offsets[i];
      isMap &= ids[i] >= 0 && ids[i] < expected.vocabularySize() && (i == 0 || ids[i] > ids[i - 1]);
    }
    if (masked == null) {
      boolean allZero = Arrays.stream(offsets).allMatch(offset -> offset == 0);
      if (allZero && ids.length < expected.vocabularySize()) {
        throw new IllegalArgumentException(
            file + ": d2t: all zero and no t2d, expected offsets or a mask to mend them");
      }
      if (!isMap) {
        throw new IllegalArgumentException(
            file
                + ": d2t: ids not ascending in 0 to "
                + (expected.vocabularySize() - 1)
                + " and no t2d, expected offsets of kept ids");
      }
      return ids;
    }
    if (Arrays.equals(ids, masked)) {
      return ids;
    }
    if (masked.length != ids.length) {
      throw new IllegalArgumentException(
          file + ": t2d: " + masked.length + " ids, expected the " + ids.length + " of d2t");
    }
    messages.add(file + ": d2t does not agree with t2d, ids taken from t2d");
    return masked;
  }

  private static long[] integers(Safetensors file, Provenance expected) {
    TensorInfo info = file.info(NAME);
    boolean wide = info.format().equals("I64");
    if (info.shape().size() != 1
        || info.shape().getFirst() > expected.vocabularySize()
        || !(wide || info.format().equals("I32"))) {
      throw new IllegalArgumentException(
          file.file()
              + ": d2t: "
              + info.format()
              + info.shape()
              + ", expected I64 or I32 of one dimension, at most "
              + expected.vocabularySize());
    }
    MemorySegment bytes = file.bytes(NAME);
    long[] values = new long[(int) (long) info.shape().getFirst()];
    var longs = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    var ints = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < values.length; i++) {
      values[i] = wide ? bytes.get(longs, i * 8L) : bytes.get(ints, i * 4L);
    }
    return values;
  }

  private static long[] masked(Safetensors file, Provenance expected) {
    TensorInfo info = file.info(MASK);
    boolean isMask = List.of("BOOL", "U8").contains(info.format());
    if (!isMask || !info.shape().equals(List.of((long) expected.vocabularySize()))) {
      throw new IllegalArgumentException(
          file.file()
              + ": t2d: "
              + info.format()
              + info.shape()
              + ", expected BOOL["
              + expected.vocabularySize()
              + "]");
    }
    MemorySegment bytes = file.bytes(MASK);
    long[] ids = new long[expected.vocabularySize()];
    int count = 0;
    for (int id = 0; id < ids.length; id++) {
      byte value = bytes.get(ValueLayout.JAVA_BYTE, id);
      if (value != 0 && value != 1) {
        throw new IllegalArgumentException(
            file.file() + ": t2d[" + id + "]: " + value + ", expected 0 or 1");
      }
      if (value == 1) {
        ids[count++] = id;
      }
    }
    return Arrays.copyOf(ids, count);
  }

  /** Checks a GGUF map, whose values are ids themselves. */
  static long[] fromAbsolute(Path file, GgufFile.Vector map, Provenance expected) {
    Long tokens = map.arrayLengths().get("tokenizer.ggml.tokens");
    if (tokens != null && tokens != expected.vocabularySize()) {
      throw new IllegalArgumentException(
          file
              + ": tokenizer.ggml.tokens: "
              + tokens
              + " tokens, expected "
              + expected.vocabularySize());
    }
    long[] ids = map.vector().stream().mapToLong(id -> id).toArray();
    if (ids.length > 1 && Arrays.stream(ids).allMatch(id -> id == 0)) {
      throw new IllegalArgumentException(file + ": d2t: all zero, expected ids");
    }
    boolean repeats = Arrays.stream(ids).distinct().count() < ids.length;
    boolean rises = true;
    for (int i = 1; i < ids.length; i++) {
      rises &= ids[i] >= ids[i - 1];
    }
    // Offsets of ascending ids rise and repeat wherever ids follow each other.
    if (repeats && rises && ids[ids.length - 1] + ids.length - 1 < expected.vocabularySize()) {
      throw new IllegalArgumentException(
          file + ": d2t: repeated ids that look like offsets, expected absolute ids");
    }
    return ids;
  }
}
