package io.github.trimtab.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The part of GGUF (versions 2 and 3, little endian) that token maps need: texts and whole numbers
 * of the metadata, lengths of its arrays, and vectors of integers. Every length is checked against
 * the file before it is followed.
 */
public final class GgufFile {
  private static final int MAGIC = 0x46554747;
  private static final int STRING = 8;
  private static final int ARRAY = 9;
  private static final int UINT32 = 4;
  private static final int TENSOR_I32 = 26;
  private static final int TENSOR_I64 = 27;
  private static final int ALIGNMENT = 32;
  private static final int MOST_DIMENSIONS = 4;
  private static final int MOST_NESTED = 4;
  private static final int MOST_TEXT_BYTES = 1 << 24;

  /** Bytes of a value of each metadata type; 0 where it varies. */
  private static final int[] VALUE_BYTES = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private record TensorPlace(int type, long elements, int dimensions, long offset) {}

  private final Path file;
  private final MemorySegment bytes;
  private final Map<String, String> texts = new HashMap<>();
  private final Map<String, Long> numbers = new HashMap<>();
  private final Map<String, Long> arrayLengths = new HashMap<>();
  private final Map<String, TensorPlace> tensors = new HashMap<>();
  private long position;

  private GgufFile(Path file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  /**
   * What was read.
   *
   * @param texts metadata that are texts, by key
   * @param numbers metadata that are whole numbers, by key
   * @param arrayLengths how many elements each metadata array has, by key
   * @param vector the tensor's elements
   */
  public record Vector(
      Map<String, String> texts,
      Map<String, Long> numbers,
      Map<String, Long> arrayLengths,
      List<Long> vector) {}

  /**
   * Reads a vector of I32 or I64 and the metadata.
   *
   * @throws FileFormatException if the file breaks the format or has no such tensor
   */
  public static Vector readVector(Path file, String tensor) throws IOException {
    try (Arena arena = Arena.ofConfined();
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment bytes = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
      GgufFile gguf = new GgufFile(file, bytes);
      List<Long> vector = Arrays.stream(gguf.read(tensor)).boxed().toList();
      return new Vector(gguf.texts, gguf.numbers, gguf.arrayLengths, vector);
    }
  }

  private long[] read(String wanted) throws FileFormatException {
    int magic = nextInt();
    int version = nextInt();
    if (magic != MAGIC || version < 2 || version > 3) {
      throw bad("magic 0x%08x, version %d".formatted(magic, version), "GGUF, version 2 or 3");
    }
    long tensorCount = nextLong();
    long valueCount = nextLong();
    // Each takes some bytes, so counts that lie end at the file's end.
    for (long i = 0; i != valueCount; i++) {
      readValue(nextText(), nextInt());
    }
    for (long i = 0; i != tensorCount; i++) {
      readTensor();
    }
    TensorPlace place = tensors.get(wanted);
    if (place == null) {
      throw bad("no tensor " + wanted + " among " + tensors.size(), "one");
    }
    return elements(wanted, place);
  }

  private void readValue(String key, int type) throws FileFormatException {
    switch (type) {
      case STRING -> texts.put(key, nextText());
      case ARRAY -> arrayLengths.put(key, skipArray(key, 0));
      default -> {
        int size = size(key, type);
        long value = 0;
        for (int i = 0; i < size; i++) {
          value |= Byte.toUnsignedLong(bytes.get(ValueLayout.JAVA_BYTE, take(1))) << (8 * i);
        }
        numbers.put(key, value);
      }
    }
  }

  /** Passes an array and returns its length. */
  private long skipArray(String key, int depth) throws FileFormatException {
    int type = nextInt();
    long length = nextLong();
    if (depth == MOST_NESTED) {
      throw bad(key + ": arrays in arrays", "at most " + MOST_NESTED);
    }
    if (type == STRING || type == ARRAY) {
      for (long i = 0; i != length; i++) {
        if (type == STRING) {
          take(nextLong());
        } else {
          skipArray(key, depth + 1);
        }
      }
    } else {
      int size = size(key, type);
      if (length < 0 || length > bytes.byteSize() / size) {
        throw bad(key + ": " + Long.toUnsignedString(length) + " elements", "what the file holds");
      }
      take(length * size);
    }
    return length;
  }

  private int size(String key, int type) throws FileFormatException {
    int size = type >= 0 && type < VALUE_BYTES.length ? VALUE_BYTES[type] : 0;
    if (size == 0) {
      throw bad(key + ": type " + Integer.toUnsignedString(type), "0 to 12");
    }
    return size;
  }

  private void readTensor() throws FileFormatException {
    String name = nextText();
    int dimensions = nextInt();
    if (dimensions < 0 || dimensions > MOST_DIMENSIONS) {
      throw bad(
          "tensor " + name + ": " + Integer.toUnsignedString(dimensions) + " dimensions",
          "at most " + MOST_DIMENSIONS);
    }
    long elements = 1;
    for (int i = 0; i < dimensions; i++) {
      elements = nextLong();
    }
    int type = nextInt();
    tensors.put(name, new TensorPlace(type, elements, dimensions, nextLong()));
  }

  private long[] elements(String name, TensorPlace place) throws FileFormatException {
    String what = "tensor " + name + ": ";
    if (place.type() != TENSOR_I64 && place.type() != TENSOR_I32) {
      throw bad(what + "type " + place.type(), "I64 (27) or I32 (26)");
    }
    if (place.dimensions() != 1) {
      throw bad(what + place.dimensions() + " dimensions", "1");
    }
    long alignment = numbers.getOrDefault("general.alignment", (long) ALIGNMENT);
    if (alignment < 8 || alignment > 1 << 20 || Long.bitCount(alignment) != 1) {
      throw bad("general.alignment: " + alignment, "a power of two from 8 to 2^20");
    }
    int size = place.type() == TENSOR_I64 ? Long.BYTES : Integer.BYTES;
    long begin = (position + alignment - 1) & -alignment;
    long rest = bytes.byteSize() - begin;
    if (place.offset() < 0
        || place.offset() > rest
        || place.elements() < 0
        || place.elements() > (rest - place.offset()) / size) {
      throw bad(
          what
              + Long.toUnsignedString(place.elements())
              + " elements at "
              + Long.toUnsignedString(place.offset()),
          "them within the " + Math.max(rest, 0) + " bytes of data");
    }
    long[] values = new long[Vectors.length(file, "tensor " + name, place.elements())];
    for (int i = 0; i < values.length; i++) {
      long at = begin + place.offset() + (long) i * size;
      values[i] = size == Long.BYTES ? bytes.get(LONG, at) : bytes.get(INT, at);
    }
    return values;
  }

  private int nextInt() throws FileFormatException {
    return bytes.get(INT, take(Integer.BYTES));
  }

  private long nextLong() throws FileFormatException {
    return bytes.get(LONG, take(Long.BYTES));
  }

  private String nextText() throws FileFormatException {
    long length = nextLong();
    if (length > MOST_TEXT_BYTES) {
      throw bad("a text of " + length + " bytes", "at most " + MOST_TEXT_BYTES);
    }
    long begin = take(length);
    byte[] text = new byte[Math.toIntExact(length)];
    MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, begin, text, 0, text.length);
    return new String(text, StandardCharsets.UTF_8);
  }

  /** Passes bytes and returns where they begin. */
  private long take(long count) throws FileFormatException {
    long begin = position;
    if (count < 0 || count > bytes.byteSize() - begin) {
      throw bad(
          Long.toUnsignedString(count) + " bytes at " + begin,
          "at most the " + (bytes.byteSize() - begin) + " that are left");
    }
    position = begin + count;
    return begin;
  }

  private FileFormatException bad(String value, String expected) {
    return new FileFormatException(file, value + ", expected " + expected);
  }

  /**
   * Writes a file of one vector of I64, replacing what was there.
   *
   * @param texts metadata that are texts, by key
   * @param numbers metadata that are whole numbers from 0, by key
   */
  public static void writeVector(
      Path file,
      Map<String, String> texts,
      Map<String, Integer> numbers,
      String tensor,
      int[] vector)
      throws IOException {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    putInt(header, MAGIC);
    putInt(header, 3);
    putLong(header, 1);
    putLong(header, texts.size() + numbers.size());
    texts.forEach((key, text) -> {
      putText(header, key);
      putInt(header, STRING);
      putText(header, text);
    });
    numbers.forEach((key, number) -> {
      putText(header, key);
      putInt(header, UINT32);
      putInt(header, number);
    });
    putText(header, tensor);
    putInt(header, 1);
    putLong(header, vector.length);
    putInt(header, TENSOR_I64);
    putLong(header, 0);
    header.writeBytes(new byte[-header.size() & (ALIGNMENT - 1)]);
    // The data section is padded as well.
    int padded = (vector.length * Long.BYTES + ALIGNMENT - 1) & -ALIGNMENT;
    ByteBuffer data = ByteBuffer.allocate(padded).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : vector) {
      data.putLong(value);
    }
    header.writeBytes(data.array());
    WholeFile.write(file, header.toByteArray());
  }

  private static void putInt(ByteArrayOutputStream out, int value) {
    out.writeBytes(
        ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
  }

  private static void putLong(ByteArrayOutputStream out, long value) {
    out.writeBytes(
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
  }

  private static void putText(ByteArrayOutputStream out, String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    putLong(out, utf8.length);
    out.writeBytes(utf8);
  }
}
