package io.github.trimtab.io;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Integers in the files of {@code torch.save}: a ZIP archive, not compressed, whose {@code
 * data.pkl} is a list of integers or a tensor of int32 or int64 of one dimension. The pickle is
 * read, never executed.
 */
public final class TorchFile {
  private static final String PICKLE = "/data.pkl";

  /** Most bytes of an entry: what is read is held on the heap. */
  private static final long MOST_BYTES = (long) Vectors.MOST * Long.BYTES;

  private final Path file;
  private final ZipFile zip;

  private TorchFile(Path file, ZipFile zip) {
    this.file = file;
    this.zip = zip;
  }

  /**
   * Reads the integers in their order.
   *
   * @throws FileFormatException if the file is not such an archive
   */
  public static long[] readIntegers(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    }
    try (ZipFile zip = new ZipFile(file.toFile())) {
      return new TorchFile(file, zip).read();
    } catch (ZipException | EOFException e) {
      throw new FileFormatException(file, e.getMessage() + ", expected a whole ZIP archive");
    }
  }

  private long[] read() throws IOException {
    List<? extends ZipEntry> pickles =
        zip.stream().filter(entry -> entry.getName().endsWith(PICKLE)).toList();
    if (pickles.size() != 1) {
      throw new FileFormatException(
          file, pickles.size() + " entries named */data.pkl, expected one");
    }
    String name = pickles.getFirst().getName();
    String folder = name.substring(0, name.length() - PICKLE.length());
    return switch (Pickle.read(file, bytes(name))) {
      case List<?> list -> integers(list);
      case Pickle.StoredTensor tensor -> integers(folder, tensor);
      default -> throw new FileFormatException(file, "expected a list or a tensor");
    };
  }

  private long[] integers(List<?> list) throws FileFormatException {
    long[] values = new long[list.size()];
    for (int i = 0; i < values.length; i++) {
      if (!(list.get(i) instanceof Long value)) {
        throw new FileFormatException(file, "element " + i + ": not an integer, expected one");
      }
      values[i] = value;
    }
    return values;
  }

  private long[] integers(String folder, Pickle.StoredTensor tensor) throws IOException {
    boolean isVector =
        tensor.shape().size() == 1
            && tensor.shape().getFirst() >= 0
            && (tensor.shape().getFirst() < 2 || tensor.strides().equals(List.of(1L)));
    if (!isVector) {
      throw new FileFormatException(
          file,
          "tensor of shape "
              + tensor.shape()
              + " and strides "
              + tensor.strides()
              + ", expected one dimension without gaps");
    }
    if (zip.getEntry(folder + "/byteorder") != null
        && !new String(bytes(folder + "/byteorder"), StandardCharsets.UTF_8).equals("little")) {
      throw new FileFormatException(file, "byteorder: not little, expected little");
    }
    ByteBuffer data =
        ByteBuffer.wrap(bytes(folder + "/data/" + tensor.key())).order(ByteOrder.LITTLE_ENDIAN);
    long held = data.capacity() / tensor.elementBytes();
    long length = tensor.shape().getFirst();
    if (tensor.offset() < 0 || tensor.offset() > held || length > held - tensor.offset()) {
      throw new FileFormatException(
          file,
          "tensor of "
              + length
              + " elements from "
              + tensor.offset()
              + ", expected them within the "
              + held
              + " stored");
    }
    long[] values = new long[(int) length];
    for (int i = 0; i < values.length; i++) {
      int place = (int) (tensor.offset() + i) * tensor.elementBytes();
      values[i] = tensor.elementBytes() == Long.BYTES ? data.getLong(place) : data.getInt(place);
    }
    return values;
  }

  private byte[] bytes(String name) throws IOException {
    ZipEntry entry = zip.getEntry(name);
    if (entry == null) {
      throw new FileFormatException(file, name + ": missing, expected in the archive");
    }
    // Stored entries cannot be larger than the file, so no size that lies takes memory.
    if (entry.getMethod() != ZipEntry.STORED
        || entry.getSize() != entry.getCompressedSize()
        || entry.getSize() > Files.size(file)) {
      throw new FileFormatException(
          file, name + ": compressed or of a wrong size, expected a stored entry");
    }
    if (entry.getSize() > MOST_BYTES) {
      throw new FileFormatException(
          file, name + ": " + entry.getSize() + " bytes, expected at most " + MOST_BYTES);
    }
    byte[] bytes;
    try (InputStream in = zip.getInputStream(entry)) {
      bytes = in.readAllBytes();
    }
    if (bytes.length != entry.getSize() || crc(bytes) != entry.getCrc()) {
      throw new FileFormatException(file, name + ": damaged, expected the entry's checksum");
    }
    return bytes;
  }

  /**
   * Writes a list of integers, which {@code torch.load(file, weights_only=True)} reads.
   *
   * @throws IOException if the file cannot be written; what was there is left as it was
   */
  public static void writeList(Path file, int[] values) throws IOException {
    WholeFile.write(
        file,
        channel -> {
          OutputStream out = Channels.newOutputStream(channel);
          ZipOutputStream archive = new ZipOutputStream(out);
          put(archive, "archive/data.pkl", Pickle.write(values));
          put(archive, "archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
          put(archive, "archive/version", "3\n".getBytes(StandardCharsets.US_ASCII));
          archive.finish();
        });
  }

  private static void put(ZipOutputStream archive, String name, byte[] bytes) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(bytes.length);
    entry.setCrc(crc(bytes));
    // Equal lists give equal files.
    entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
    archive.putNextEntry(entry);
    archive.write(bytes);
    archive.closeEntry();
  }

  private static long crc(byte[] bytes) {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    return crc.getValue();
  }
}
