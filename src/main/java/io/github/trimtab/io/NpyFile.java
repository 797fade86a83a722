package io.github.trimtab.io;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** NumPy's .npy format, versions 1 to 3: integers and booleans, little endian, row-major. */
public final class NpyFile {
  /** How a file begins. */
  static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  private static final String BOOLEAN = "|b1";

  /** Longest header in bytes; NumPy's own reader stops at 10,000. */
  private static final int MOST_HEADER_BYTES = 1 << 16;

  private static final Pattern HEADER =
      Pattern.compile(
          "\\{'descr': *'([^']*)', *'fortran_order': *(True|False), *'shape': *\\(([0-9, ]*)\\),?"
              + " *\\}\\s*");

  private NpyFile() {}

  /**
   * What a header says.
   *
   * @param format {@code <u2}, {@code <i4}, {@code <u4}, {@code <i8} or {@code |b1}
   * @param shape sizes, 0 or more each
   */
  public record Header(String format, List<Long> shape) {
    /** Copies the sizes. */
    public Header {
      shape = List.copyOf(shape);
    }

    /** Whether the elements are true or false. */
    public boolean isBoolean() {
      return format.equals(BOOLEAN);
    }

    /** Bytes of an element. */
    public int elementBytes() {
      return format.charAt(2) - '0';
    }
  }

  /**
   * Reads a file's header.
   *
   * @throws FileFormatException if it is no .npy file
   */
  public static Header readHeader(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return readHeader(file, in);
    }
  }

  /**
   * Reads a header, and leaves the stream at the first element.
   *
   * @param file names the stream in messages
   * @throws FileFormatException if it is not such a header
   */
  public static Header readHeader(Path file, InputStream in) throws IOException {
    DataInputStream data = new DataInputStream(in);
    String text;
    try {
      byte[] begin = new byte[MAGIC.length + 2];
      data.readFully(begin);
      if (!Arrays.equals(begin, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
        throw new FileFormatException(file, "no .npy magic at its begin, expected a .npy file");
      }
      int version = begin[MAGIC.length];
      if (version < 1 || version > 3) {
        throw new FileFormatException(file, "version " + version + ", expected 1, 2 or 3");
      }
      int length =
          version == 1
              ? Short.toUnsignedInt(Short.reverseBytes(data.readShort()))
              : Integer.reverseBytes(data.readInt());
      if (length < 0 || length > MOST_HEADER_BYTES) {
        throw new FileFormatException(
            file,
            "header length: "
                + Integer.toUnsignedString(length)
                + ", expected at most "
                + MOST_HEADER_BYTES);
      }
      byte[] header = new byte[length];
      data.readFully(header);
      text = new String(header, StandardCharsets.UTF_8);
    } catch (EOFException e) {
      throw new FileFormatException(file, "ends within the header, expected a .npy file");
    }
    Matcher matcher = HEADER.matcher(text);
    if (!matcher.matches()) {
      throw new FileFormatException(
          file, "header: " + text.strip() + ", expected descr, fortran_order and shape");
    }
    if (!List.of("<u2", "<i4", "<u4", "<i8", BOOLEAN).contains(matcher.group(1))) {
      throw new FileFormatException(
          file, "descr: " + matcher.group(1) + ", expected <u2, <i4, <u4, <i8 or " + BOOLEAN);
    }
    List<Long> shape;
    try {
      shape =
          Stream.of(matcher.group(3).split(","))
              .map(String::strip)
              .filter(size -> !size.isEmpty())
              .map(Long::parseLong)
              .toList();
    } catch (NumberFormatException e) {
      throw new FileFormatException(
          file, "shape: (" + matcher.group(3) + "), expected sizes below 2^63");
    }
    if (matcher.group(2).equals("True") && shape.size() > 1) {
      throw new FileFormatException(file, "fortran_order: True, expected False");
    }
    return new Header(matcher.group(1), shape);
  }

  /**
   * Reads a vector of integers, or of booleans as 0 and 1.
   *
   * @throws FileFormatException if the file is not a vector of int32, int64 or bool of exactly the
   *     length that its header says
   */
  public static long[] readVector(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      InputStream in = Channels.newInputStream(channel);
      Header header = readHeader(file, in);
      if (header.shape().size() != 1 || header.format().startsWith("<u")) {
        throw new FileFormatException(
            file,
            header.format()
                + " of shape "
                + header.shape()
                + ", expected <i4, <i8 or |b1 of one dimension");
      }
      long length = header.shape().getFirst();
      int bytes = header.elementBytes();
      // Refused before memory is taken for it.
      if (length > channel.size() / bytes) {
        throw new FileFormatException(
            file,
            "shape: [" + length + "], expected what fits a file of " + channel.size() + " bytes");
      }
      long rest = channel.size() - channel.position();
      if (rest != length * bytes) {
        throw new FileFormatException(file, rest + " bytes of data, expected " + length * bytes);
      }
      long[] values = new long[Vectors.length(file, "shape", length)];
      byte[] data = in.readNBytes(values.length * bytes);
      if (data.length != rest) {
        throw new FileFormatException(file, "cut short while it was read, expected the whole file");
      }
      ByteBuffer buffer = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < values.length; i++) {
        values[i] =
            switch (bytes) {
              case 1 -> buffer.get();
              case Integer.BYTES -> buffer.getInt();
              default -> buffer.getLong();
            };
        if (header.isBoolean() && values[i] != 0 && values[i] != 1) {
          throw new FileFormatException(file, "[" + i + "]: " + values[i] + ", expected 0 or 1");
        }
      }
      return values;
    }
  }

  /** Writes a vector of int64. */
  public static void writeVector(Path file, int[] values) throws IOException {
    String text = "{'descr': '<i8', 'fortran_order': False, 'shape': (" + values.length + ",), }";
    // NumPy aligns the data to 64 bytes: magic, version, length of the header, header, newline.
    int begin = MAGIC.length + 2 + Short.BYTES;
    int padding = -(begin + text.length() + 1) & 63;
    String header = text + " ".repeat(padding) + "\n";
    ByteBuffer buffer =
        ByteBuffer.allocate(begin + header.length() + values.length * Long.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(MAGIC)
            .put(new byte[] {1, 0})
            .putShort((short) header.length())
            .put(header.getBytes(StandardCharsets.US_ASCII));
    for (int value : values) {
      buffer.putLong(value);
    }
    WholeFile.write(file, buffer.array());
  }
}
