package io.github.trimtab.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.trimtab.memory.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes safetensors files.
 *
 * <p>Equal contents give equal bytes: wider elements come first, so that each tensor is aligned to
 * its elements, then names ascend. The file appears whole or not at all: it is written beside its
 * place and then moved there.
 */
public final class SafetensorsWriter {
  private static final JsonFactory JSON = new JsonFactory();
  private static final int ALIGNMENT = 8;
  private static final int STAGING_BYTES = 1 << 20;

  private final FileChannel channel;
  private final ByteBuffer staging = ByteBuffer.allocateDirect(STAGING_BYTES);
  private final MemorySegment stagingSegment = MemorySegment.ofBuffer(staging);

  private SafetensorsWriter(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Writes tensors and free text to a file, replacing what was there.
   *
   * @param tensors by name; on the host, contiguous or strided, of any format but INT4
   * @param metadata free text, may be empty
   * @throws IllegalArgumentException if a name is reserved or a tensor lives on a device; nothing
   *     is written then
   * @throws IOException if the file cannot be written; what was there is left as it was
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata)
      throws IOException {
    tensors.forEach(SafetensorsWriter::check);
    List<Map.Entry<String, Tensor>> ordered =
        new TreeMap<>(tensors)
            .entrySet().stream()
                .sorted(Comparator.comparingInt(entry -> -entry.getValue().dtype().bits()))
                .toList();
    byte[] header = header(ordered, metadata);
    WholeFile.write(
        file,
        channel -> {
          var writer = new SafetensorsWriter(channel);
          writer.put(MemorySegment.ofArray(header), 0, header.length);
          for (var entry : ordered) {
            writer.put(entry.getValue());
          }
          writer.flush();
        });
  }

  private static void check(String name, Tensor tensor) {
    if (name.equals(SafetensorsHeader.METADATA)) {
      throw new IllegalArgumentException("name: " + name + ", expected one that is not reserved");
    }
    if (!tensor.place().isHost()) {
      throw new IllegalArgumentException(name + ": " + tensor + ", expected memory on the host");
    }
  }

  /** Length and JSON, padded with spaces so that the data starts aligned. */
  private static byte[] header(
      List<Map.Entry<String, Tensor>> tensors, Map<String, String> metadata) throws IOException {
    var json = new ByteArrayOutputStream();
    try (JsonGenerator generator = JSON.createGenerator(json)) {
      generator.writeStartObject();
      if (!metadata.isEmpty()) {
        generator.writeObjectFieldStart(SafetensorsHeader.METADATA);
        for (var entry : new TreeMap<>(metadata).entrySet()) {
          generator.writeStringField(entry.getKey(), entry.getValue());
        }
        generator.writeEndObject();
      }
      long offset = 0;
      for (var entry : tensors) {
        offset = describe(generator, entry.getKey(), entry.getValue(), offset);
      }
      generator.writeEndObject();
    }
    int padding = -json.size() & (ALIGNMENT - 1);
    json.write(" ".repeat(padding).getBytes(StandardCharsets.US_ASCII));
    return ByteBuffer.allocate(Long.BYTES + json.size())
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.size())
        .put(json.toByteArray())
        .array();
  }

  private static long describe(JsonGenerator generator, String name, Tensor tensor, long offset)
      throws IOException {
    long[] shape = tensor.shape();
    long end = offset + tensor.dtype().bytes(tensor.elements());
    generator.writeObjectFieldStart(name);
    generator.writeStringField("dtype", TensorInfo.format(tensor.dtype()).orElseThrow());
    generator.writeFieldName("shape");
    generator.writeArray(shape, 0, shape.length);
    generator.writeFieldName("data_offsets");
    generator.writeArray(new long[] {offset, end}, 0, 2);
    generator.writeEndObject();
    return end;
  }

  private void put(Tensor tensor) throws IOException {
    if (tensor.elements() == 0) {
      return;
    }
    // Dimensions from this one on lie next to each other: they are copied as one run.
    int inner = tensor.rank();
    long run = 1;
    while (inner > 0 && (tensor.size(inner - 1) == 1 || tensor.stride(inner - 1) == run)) {
      inner--;
      run *= tensor.size(inner);
    }
    putRuns(tensor, 0, inner, tensor.offset(), tensor.dtype().bytes(run));
  }

  private void putRuns(Tensor tensor, int dim, int inner, long offset, long runBytes)
      throws IOException {
    if (dim == inner) {
      put(tensor.segment(), offset, runBytes);
      return;
    }
    long step = tensor.dtype().bytes(tensor.stride(dim));
    for (long i = 0; i < tensor.size(dim); i++) {
      putRuns(tensor, dim + 1, inner, offset + i * step, runBytes);
    }
  }

  private void put(MemorySegment source, long offset, long bytes) throws IOException {
    long done = 0;
    while (done < bytes) {
      if (!staging.hasRemaining()) {
        flush();
      }
      int count = (int) Math.min(bytes - done, staging.remaining());
      MemorySegment.copy(source, offset + done, stagingSegment, staging.position(), count);
      staging.position(staging.position() + count);
      done += count;
    }
  }

  private void flush() throws IOException {
    staging.flip();
    while (staging.hasRemaining()) {
      channel.write(staging);
    }
    staging.clear();
  }
}
