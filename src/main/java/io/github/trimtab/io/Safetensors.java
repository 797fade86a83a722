package io.github.trimtab.io;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A safetensors file, mapped into memory: tensors come out as views, without a copy.
 *
 * <p>A file is the header's length (8 bytes, little endian), a JSON header, and the tensors' data.
 * Everything that the header says is checked when the file is opened: the tensors' bytes must tile
 * the data exactly, as the format demands. The file must not be cut shorter while it is open.
 *
 * <p>Threads: any number may read; closing while one reads makes that one fail, not crash.
 */
public final class Safetensors implements AutoCloseable {
  /** Longest header in bytes, the limit of the format's own reader. */
  public static final long MAX_HEADER_BYTES = 100_000_000;

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final Arena arena;
  private final MemorySegment data;
  private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
  private final Map<String, String> metadata;

  private Safetensors(Path file, Arena arena, MemorySegment data, SafetensorsHeader header) {
    this.file = file;
    this.arena = arena;
    this.data = data;
    this.metadata = Collections.unmodifiableMap(header.metadata());
    header.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
  }

  /**
   * Maps a file and checks its header.
   *
   * @throws FileFormatException if the file breaks the format, naming tensor, value and expectation
   * @throws IOException if the file cannot be read
   */
  @SuppressWarnings("MustBeClosedChecker") // the returned file closes it
  public static Safetensors open(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new FileFormatException(file, "a folder, expected a safetensors file");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < Long.BYTES) {
        throw new FileFormatException(file, size + " bytes, expected at least " + Long.BYTES);
      }
      MemorySegment all = channel.map(MapMode.READ_ONLY, 0, size, arena);
      long length = all.get(LENGTH, 0);
      long limit = Math.min(size - Long.BYTES, MAX_HEADER_BYTES);
      if (length < 0 || length > limit) {
        throw new FileFormatException(
            file,
            "header length: "
                + Long.toUnsignedString(length)
                + ", expected at most "
                + limit
                + " in a file of "
                + size
                + " bytes");
      }
      MemorySegment json = all.asSlice(Long.BYTES, length);
      MemorySegment data = all.asSlice(Long.BYTES + length);
      var header = SafetensorsHeader.parse(file, json.asByteBuffer(), data.byteSize());
      return new Safetensors(file, arena, data, header);
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** The file. */
  public Path file() {
    return file;
  }

  /** The header's free text. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** What the header says about each tensor, in the order of their data. */
  public Collection<TensorInfo> tensors() {
    return Collections.unmodifiableCollection(tensors.values());
  }

  /** Whether there is a tensor of this name. */
  public boolean contains(String name) {
    return tensors.containsKey(name);
  }

  /**
   * What the header says about a tensor.
   *
   * @throws IllegalArgumentException if there is none of this name
   */
  public TensorInfo info(String name) {
    TensorInfo info = tensors.get(name);
    if (info == null) {
      throw new IllegalArgumentException(
          file + ": tensor " + name + " is missing, expected among " + tensors.keySet());
    }
    return info;
  }

  /**
   * A tensor as a read-only view of the mapped file; its address may be unaligned.
   *
   * @throws IllegalArgumentException if there is none of this name, or its format is none of {@link
   *     DType}; {@link #bytes} reaches it then
   * @throws IllegalStateException if the file is closed
   */
  public Tensor tensor(String name) {
    TensorInfo info = info(name);
    DType dtype =
        info.dtype()
            .orElseThrow(() ->
                new IllegalArgumentException(
                    file
                        + ": tensor "
                        + name
                        + ": dtype "
                        + info.format()
                        + ", expected F32, F16, BF16, F8_E4M3, I8, I32 or I64"));
    long[] shape = info.shape().stream().mapToLong(Long::longValue).toArray();
    return Tensor.of(dtype, Buffer.wrap(bytes(name)), shape);
  }

  /**
   * The bytes of a tensor of any format, read-only, as they lie in the file: little endian,
   * row-major.
   *
   * @throws IllegalArgumentException if there is none of this name
   * @throws IllegalStateException if the file is closed
   */
  public MemorySegment bytes(String name) {
    TensorInfo info = info(name);
    if (!arena.scope().isAlive()) {
      throw new IllegalStateException(file + " is closed");
    }
    return data.asSlice(info.offset(), info.bytes());
  }

  /** Unmaps the file; harmless when already closed. */
  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
