package io.github.trimtab.engine.cli;

import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounts;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/**
 * Counts so far and how far they reach, in a safetensors file.
 *
 * @param counts what was counted
 * @param file number of the input that comes next or is under way
 * @param bytes of that input that were counted
 */
record CountCheckpoint(TokenCounts counts, int file, long bytes) {
  private static final String COUNTS = "counts";
  private static final String JOB = "job";
  private static final String FILE = "file";
  private static final String BYTES = "bytes";

  /** Writes it, replacing an older one; {@code job} tells what is counted. */
  void write(Path path, String job) throws IOException {
    long[] values = counts.toArray();
    Tensor tensor = Tensor.of(DType.I64, Buffer.wrap(MemorySegment.ofArray(values)), values.length);
    SafetensorsWriter.write(
        path,
        Map.of(COUNTS, tensor),
        Map.of(JOB, job, FILE, String.valueOf(file), BYTES, String.valueOf(bytes)));
  }

  /**
   * Reads one of the same job.
   *
   * @throws IllegalArgumentException if it is of another
   */
  static CountCheckpoint read(Path path, String job, Provenance provenance) throws IOException {
    try (Safetensors tensors = Safetensors.open(path)) {
      Map<String, String> metadata = tensors.metadata();
      if (!job.equals(metadata.get(JOB)) || !tensors.contains(COUNTS)) {
        throw new IllegalArgumentException(
            path + ": checkpoint of another job, expected the same inputs and options, or no file");
      }
      Tensor tensor = tensors.tensor(COUNTS);
      if (tensor.rank() != 1
          || tensor.dtype() != DType.I64
          || tensor.size(0) != provenance.vocabularySize()) {
        throw new IllegalArgumentException(
            path + ": counts: " + tensor + ", expected I64 of one count an id");
      }
      long[] values = new long[provenance.vocabularySize()];
      for (int id = 0; id < values.length; id++) {
        values[id] = tensor.integerAt(tensor.offset(id));
      }
      return new CountCheckpoint(
          new TokenCounts(provenance, values),
          Math.toIntExact(number(path, metadata, FILE, Integer.MAX_VALUE)),
          number(path, metadata, BYTES, Long.MAX_VALUE));
    }
  }

  private static long number(Path path, Map<String, String> metadata, String key, long most) {
    String text = metadata.getOrDefault(key, "missing");
    try {
      long number = Long.parseLong(text);
      if (number >= 0 && number <= most) {
        return number;
      }
    } catch (NumberFormatException e) {
      // Reported below, as other values that are out of range.
    }
    throw new IllegalArgumentException(path + ": " + key + ": " + text + ", expected 0 to " + most);
  }
}
