package io.github.trimtab.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes the two map tensors of EAGLE-3 checkpoints in a safetensors file: {@code d2t} I64 [k], the
 * distance from each draft id to its target id, and {@code t2d} BOOL [V], which ids are kept.
 */
public final class DraftMapFile {
  private DraftMapFile() {}

  /**
   * Writes the map of kept ids, replacing what was there.
   *
   * @param ids kept ids, ascending and unique
   * @param vocabularySize ids of the target, V
   * @param metadata free text of the file
   * @throws IllegalArgumentException if ids do not ascend within the vocabulary
   */
  public static void write(Path file, int[] ids, int vocabularySize, Map<String, String> metadata)
      throws IOException {
    for (int i = 0; i < ids.length; i++) {
      int least = i == 0 ? 0 : ids[i - 1] + 1;
      if (ids[i] < least || ids[i] >= vocabularySize) {
        throw new IllegalArgumentException(
            "ids[%d]: %d, expected ascending ids of 0 to %d"
                .formatted(i, ids[i], vocabularySize - 1));
      }
    }
    int offsetBytes = ids.length * Long.BYTES;
    ByteArrayOutputStream json = new ByteArrayOutputStream();
    try (JsonGenerator generator = new JsonFactory().createGenerator(json)) {
      generator.writeStartObject();
      if (!metadata.isEmpty()) {
        generator.writeObjectFieldStart(SafetensorsHeader.METADATA);
        for (var entry : new TreeMap<>(metadata).entrySet()) {
          generator.writeStringField(entry.getKey(), entry.getValue());
        }
        generator.writeEndObject();
      }
      describe(generator, "d2t", "I64", ids.length, 0, offsetBytes);
      describe(generator, "t2d", "BOOL", vocabularySize, offsetBytes, offsetBytes + vocabularySize);
      generator.writeEndObject();
    }
    // Spaces behind the header align the data.
    while (json.size() % Long.BYTES != 0) {
      json.write(' ');
    }
    int begin = Long.BYTES + json.size() + offsetBytes;
    ByteBuffer all = ByteBuffer.allocate(begin + vocabularySize).order(ByteOrder.LITTLE_ENDIAN);
    all.putLong(json.size()).put(json.toByteArray());
    for (int i = 0; i < ids.length; i++) {
      all.putLong((long) ids[i] - i);
      all.put(begin + ids[i], (byte) 1);
    }
    WholeFile.write(file, all.array());
  }

  private static void describe(
      JsonGenerator generator, String name, String format, int size, int begin, int end)
      throws IOException {
    generator.writeObjectFieldStart(name);
    generator.writeStringField("dtype", format);
    generator.writeFieldName("shape");
    generator.writeArray(new int[] {size}, 0, 1);
    generator.writeFieldName("data_offsets");
    generator.writeArray(new int[] {begin, end}, 0, 2);
    generator.writeEndObject();
  }
}
