package io.github.trimtab.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bytes of .pt, .npy and .gguf files: good ones, lying ones and damaged ones. */
class TokenMapFilesTest {
  /** What CPython's pickle, protocol 2, makes of [5, 300, 70000, -1]. */
  private static final String LIST = "80025d7100284b054d2c014a701101004affffffff652e";

  /** What torch.save makes of torch.tensor([7, 300, 5]): its data.pkl. */
  private static final String TENSOR =
      "800263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a710028285807000000"
          + "73746f72616765710163746f7263680a4c6f6e6753746f726167650a71025801000000307103580300000063"
          + "707571044b03747105514b004b038571064b018571078963636f6c6c656374696f6e730a4f72646572656444"
          + "6963740a71082952710974710a52710b2e";

  @TempDir Path folder;

  private Path torch(int method, Map<String, byte[]> entries) throws IOException {
    Path file = folder.resolve("map.pt");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      for (var content : entries.entrySet()) {
        ZipEntry entry = new ZipEntry(content.getKey());
        CRC32 crc = new CRC32();
        crc.update(content.getValue());
        entry.setMethod(method);
        entry.setSize(content.getValue().length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content.getValue());
        zip.closeEntry();
      }
    }
    return file;
  }

  private Path pickle(String hex) throws IOException {
    return torch(ZipEntry.STORED, Map.of("freq/data.pkl", hex(hex)));
  }

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  private static byte[] longs(long... values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.stream(values).forEach(bytes::putLong);
    return bytes.array();
  }

  @Test
  void listsThatPythonWroteAreRead() throws IOException {
    assertThat(TorchFile.readIntegers(pickle(LIST))).containsExactly(5, 300, 70000, -1);
    // One element comes by APPEND, and protocol 4 frames and memorises without places.
    assertThat(TorchFile.readIntegers(pickle("80025d71004b05612e"))).containsExactly(5);
    assertThat(TorchFile.readIntegers(pickle("80049506000000000000005d944b05612e")))
        .containsExactly(5);
    // LONG1 of 5 bytes: 2^32.
    assertThat(TorchFile.readIntegers(pickle("80025d71008a050000000001612e")))
        .containsExactly(1L << 32);
  }

  @Test
  void tensorsThatTorchWroteAreRead() throws IOException {
    Map<String, byte[]> entries =
        Map.of("m/data.pkl", hex(TENSOR), "m/data/0", longs(7, 300, 5), "m/version", hex("330a"));
    assertThat(TorchFile.readIntegers(torch(ZipEntry.STORED, entries))).containsExactly(7, 300, 5);
  }

  @Test
  void tensorsThatLieAreRefused() throws IOException {
    Path cut = torch(ZipEntry.STORED, Map.of("m/data.pkl", hex(TENSOR), "m/data/0", longs(7, 300)));
    assertThatThrownBy(() -> TorchFile.readIntegers(cut))
        .isInstanceOf(FileFormatException.class)
        .hasMessageContaining("3 elements from 0, expected them within the 2 stored");
    Path missing = torch(ZipEntry.STORED, Map.of("m/data.pkl", hex(TENSOR)));
    assertThatThrownBy(() -> TorchFile.readIntegers(missing)).hasMessageContaining("m/data/0");
    Path big =
        torch(
            ZipEntry.STORED,
            Map.of(
                "m/data.pkl", hex(TENSOR),
                "m/data/0", longs(7, 300, 5),
                "m/byteorder", "big".getBytes(StandardCharsets.US_ASCII)));
    assertThatThrownBy(() -> TorchFile.readIntegers(big)).hasMessageContaining("byteorder");
  }

  @Test
  void writtenListsAreReadBack() throws IOException {
    Path file = folder.resolve("map.pt");
    for (int size : new int[] {0, 1, 2, 1000, 1001, 2500}) {
      int[] ids = IntStream.range(0, size).map(i -> (i * 977) % 200_000).toArray();
      TorchFile.writeList(file, ids);
      assertThat(TorchFile.readIntegers(file))
          .isEqualTo(Arrays.stream(ids).asLongStream().toArray());
    }
    TorchFile.writeList(file, new int[] {5, 300, 70000, -1});
    byte[] bytes = Files.readAllBytes(file);
    TorchFile.writeList(file, new int[] {5, 300, 70000, -1});
    assertThat(file).hasBinaryContent(bytes);
    assertThat(Pickle.write(new int[] {5, 300, 70000, -1})).isEqualTo(hex(LIST));
  }

  @ParameterizedTest
  @CsvSource({
    "80025d7100284b05652e00, -", // what follows the end does not matter
    "8002, ends early",
    "80025d71004b05, ends early",
    "8002580000ff7f2e, ends early",
    "80025d7100284b, ends early",
    "80012e, protocol 1",
    "80027d71002e, opcode 0x7d", // a dictionary
    "800263706f7369780a73797374656d0a7100, name posix system",
    "8002636275696c74696e730a6576616c0a, name builtins eval",
    "80028c02676f8c026f6e93, name go on",
    "80022e, empty stack",
    "80025d652e, no mark",
    "80025d68052e, memo 5",
    "80024b052e, expected a list or a tensor",
    "80025d580100000061612e, element 0: not an integer",
    "80025d8a09000000000000000001612e, an integer of 9 bytes",
    "80024b0129522e, another kind",
    "80022952, empty stack",
    "80024b0185512e, persistent id of 1 parts",
    "8002294b05612e, an append to no list",
  })
  void otherPicklesAreRefused(String hex, String complaint) throws IOException {
    Path file = pickle(hex);
    if (complaint.equals("-")) {
      assertThat(TorchFile.readIntegers(file)).containsExactly(5);
    } else {
      assertThatThrownBy(() -> TorchFile.readIntegers(file))
          .isInstanceOf(FileFormatException.class)
          .hasMessageStartingWith(file + ": ")
          .hasMessageContaining(complaint);
    }
  }

  @Test
  void whatAPickleNestsIsNeverPutIntoWords() throws IOException {
    // 64 times a pair of twice the same: in words longer than any memory.
    String nested = "29" + "7100680086".repeat(64);
    Path name = pickle("8002" + nested + "6800932e");
    assertThatThrownBy(() -> TorchFile.readIntegers(name)).hasMessageContaining("another kind");
    Path shape = pickle(TENSOR.replace("4b0385", nested));
    assertThatThrownBy(() -> TorchFile.readIntegers(shape))
        .isInstanceOf(FileFormatException.class)
        .hasMessageContaining("shape of other things");
  }

  @Test
  void otherArchivesAreRefused() throws IOException {
    Path packed = torch(ZipEntry.DEFLATED, Map.of("m/data.pkl", hex(LIST)));
    assertThatThrownBy(() -> TorchFile.readIntegers(packed)).hasMessageContaining("stored entry");
    Path none = torch(ZipEntry.STORED, Map.of("m/data", hex(LIST)));
    assertThatThrownBy(() -> TorchFile.readIntegers(none)).hasMessageContaining("0 entries named");
    Path text = Files.writeString(folder.resolve("text.pt"), "[1,2]");
    assertThatThrownBy(() -> TorchFile.readIntegers(text))
        .isInstanceOf(FileFormatException.class)
        .hasMessageContaining("expected a whole ZIP archive");
  }

  @ParameterizedTest
  @ValueSource(strings = {"<i4", "<i8"})
  void vectorsThatNumpyWroteAreRead(String format) throws IOException {
    byte[] data = format.equals("<i8") ? longs(3, -1) : new byte[] {3, 0, 0, 0, -1, -1, -1, -1};
    Path file = npy("{'descr': '" + format + "', 'fortran_order': False, 'shape': (2,), }", data);
    assertThat(NpyFile.readVector(file)).containsExactly(3, -1);
  }

  @Test
  void writtenVectorsAreReadBack() throws IOException {
    Path file = folder.resolve("ids.npy");
    NpyFile.writeVector(file, new int[] {1, 2, 70000});
    assertThat(NpyFile.readVector(file)).containsExactly(1, 2, 70000);
    assertThat(Files.size(file)).isEqualTo(128 + 3 * 8);
  }

  private Path npy(String header, byte[] data) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(10 + header.length() + 1 + data.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    bytes.putShort((short) (header.length() + 1));
    bytes.put(header.getBytes(StandardCharsets.US_ASCII)).put((byte) '\n').put(data);
    return Files.write(folder.resolve("in.npy"), bytes.array());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "<i8|(2,)|24 bytes of data, expected 16",
        "<i8|(4,)|24 bytes of data, expected 32",
        "<i8|(9000000000000000000,)|expected what fits a file",
        "<i8|(99999999999999999999,)|expected sizes below 2^63",
        "<i8|(1, 3)|of shape [1, 3]",
        "<i8|()|of shape []",
        "<f8|(3,)|descr: <f8",
        ">i8|(3,)|descr: >i8",
        "<u2|(12,)|<u2 of shape",
        "<i8|(-3,)|header",
      })
  void lyingVectorsAreRefused(String format, String shape, String complaint) throws IOException {
    String header =
        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }".formatted(format, shape);
    Path file = npy(header, longs(1, 2, 3));
    assertThatThrownBy(() -> NpyFile.readVector(file))
        .isInstanceOf(FileFormatException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(complaint);
  }

  /** Files of holes: they take no room on the disk, and are refused before they take any here. */
  @Test
  void vectorsBeyondAnyVocabularyAreRefused() throws IOException {
    long length = (1L << 31) + 1;
    Path npy =
        npy(
            "{'descr': '|b1', 'fortran_order': False, 'shape': (%d,), }".formatted(length),
            new byte[0]);
    lengthen(npy, length);
    assertThatThrownBy(() -> NpyFile.readVector(npy))
        .isInstanceOf(FileFormatException.class)
        .hasMessage(npy + ": shape: 2147483649 elements, expected at most 16777216");
    lengthen(npy, 1);
    assertThatThrownBy(() -> NpyFile.readVector(npy))
        .hasMessageEndingWith("2147483650 bytes of data, expected 2147483649");
    Path gguf = gguf(1, 0, text("d2t"), ints(1), longs(length), ints(26), longs(0), new byte[64]);
    lengthen(gguf, length * 4);
    refused("tensor d2t: 2147483649 elements, expected at most 16777216", gguf);
    Path array = gguf(0, 1, text("k"), ints(9, 0), longs(length));
    lengthen(array, length);
    refused("no tensor d2t", array);
  }

  private static void lengthen(Path file, long bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(1), channel.size() + bytes - 1);
    }
  }

  @Test
  void largeArchivesAreRefused() throws IOException {
    Path file = folder.resolve("large.pt");
    byte[] zeros = new byte[(1 << 27) + 1];
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
      ZipEntry entry = new ZipEntry("m/data.pkl");
      entry.setMethod(ZipEntry.STORED);
      entry.setSize(zeros.length);
      CRC32 crc = new CRC32();
      crc.update(zeros);
      entry.setCrc(crc.getValue());
      out.putNextEntry(entry);
      out.write(zeros);
      out.closeEntry();
    }
    assertThatThrownBy(() -> TorchFile.readIntegers(file))
        .isInstanceOf(FileFormatException.class)
        .hasMessage(file + ": m/data.pkl: 134217729 bytes, expected at most 134217728");
  }

  @Test
  void mapsOfIdsThatDoNotAscendAreNotWritten() {
    Path file = folder.resolve("map.safetensors");
    for (int[] ids : new int[][] {{-1}, {3, 3}, {3, 2}, {0, 9}}) {
      assertThatThrownBy(() -> DraftMapFile.write(file, ids, 9, Map.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("ids[" + (ids.length - 1) + "]: " + ids[ids.length - 1]);
    }
    assertThat(file).doesNotExist();
  }

  @Test
  void whatALinkLeadsToIsWritten() throws IOException {
    Path target = Files.createDirectory(folder.resolve("there")).resolve("ids.npy");
    Path link = Files.createSymbolicLink(folder.resolve("ids.npy"), target);
    assertThatThrownBy(() -> NpyFile.writeVector(link, new int[] {1}))
        .isInstanceOf(FileSystemException.class)
        .hasMessageContaining("a link to no file");
    Files.createFile(target);
    NpyFile.writeVector(link, new int[] {1});
    assertThat(link).isSymbolicLink();
    assertThat(NpyFile.readVector(target)).containsExactly(1);
  }

  @Test
  void mapsAreReadBackFromGguf() throws IOException {
    Path file = folder.resolve("map.gguf");
    GgufFile.writeVector(
        file, Map.of("a.text", "ü"), Map.of("a.number", 7), "d2t", new int[] {1, 70000, 5});
    GgufFile.Vector read = GgufFile.readVector(file, "d2t");
    assertThat(read.vector()).containsExactly(1L, 70000L, 5L);
    assertThat(read.texts()).containsExactly(Map.entry("a.text", "ü"));
    assertThat(read.numbers()).containsExactly(Map.entry("a.number", 7L));
    assertThatThrownBy(() -> GgufFile.readVector(file, "t2d"))
        .hasMessageContaining("no tensor t2d");
  }

  /** A header of version 3 with these numbers of tensors and values, and what follows. */
  private Path gguf(long tensors, long values, byte[]... rest) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {'G', 'G', 'U', 'F', 3, 0, 0, 0});
    out.writeBytes(longs(tensors, values));
    Arrays.stream(rest).forEach(out::writeBytes);
    return Files.write(folder.resolve("in.gguf"), out.toByteArray());
  }

  private static byte[] ints(int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.stream(values).forEach(bytes::putInt);
    return bytes.array();
  }

  private static byte[] text(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + utf8.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(utf8.length)
        .put(utf8)
        .array();
  }

  @Test
  void everyKindOfMetadataIsPassed() throws IOException {
    Path file =
        gguf(
            1,
            4,
            text("general.alignment"),
            ints(4, 64),
            text("flag"),
            ints(7),
            new byte[] {1},
            text("tokenizer.ggml.tokens"),
            ints(9, 8),
            longs(2),
            text("a"),
            text("b"),
            text("nested"),
            ints(9, 9),
            longs(1),
            ints(5),
            longs(2),
            ints(1, 2),
            text("d2t"),
            ints(1),
            longs(2),
            ints(26),
            longs(64),
            new byte[300]);
    GgufFile.Vector read = GgufFile.readVector(file, "d2t");
    assertThat(read.arrayLengths()).containsEntry("tokenizer.ggml.tokens", 2L);
    assertThat(read.vector()).containsExactly(0L, 0L);
  }

  @Test
  void lyingGgufFilesAreRefused() throws IOException {
    byte[] tensor = text("d2t");
    refused("bytes at", gguf(Long.MAX_VALUE, 0));
    refused("bytes at", gguf(0, -1));
    refused("no tensor d2t", gguf(0, 0));
    refused("a text of", gguf(0, 1, longs(Long.MAX_VALUE)));
    refused("bytes at", gguf(0, 1, longs(-1)));
    refused("type 13", gguf(0, 1, text("k"), ints(13)));
    refused("elements", gguf(0, 1, text("k"), ints(9, 4), longs(1L << 62)));
    refused("arrays in arrays", gguf(0, 1, text("k"), nested(6)));
    refused("dimensions", gguf(1, 0, tensor, ints(1 << 30)));
    refused("2 dimensions", gguf(1, 0, tensor, ints(2), longs(1, 1), ints(27), longs(0), longs(0)));
    refused("type 0", gguf(1, 0, tensor, ints(1), longs(1), ints(0), longs(0), longs(0)));
    refused("elements at", gguf(1, 0, tensor, ints(1), longs(9), ints(27), longs(0), new byte[64]));
    refused(
        "elements at", gguf(1, 0, tensor, ints(1), longs(1), ints(27), longs(-8), new byte[64]));
    refused(
        "elements at", gguf(1, 0, tensor, ints(1), longs(1L << 61), ints(27), longs(0), longs(0)));
    refused(
        "general.alignment: 12",
        gguf(
            1,
            1,
            text("general.alignment"),
            ints(4, 12),
            tensor,
            ints(1),
            longs(1),
            ints(27),
            longs(0),
            new byte[64]));
  }

  private static byte[] nested(int depth) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ints(9));
    for (int i = 0; i < depth; i++) {
      out.writeBytes(ints(9));
      out.writeBytes(longs(1));
    }
    return out.toByteArray();
  }

  private static void refused(String complaint, Path file) {
    assertThatThrownBy(() -> GgufFile.readVector(file, "d2t"))
        .isInstanceOf(FileFormatException.class)
        .hasMessageContaining(complaint);
  }

  /** Every cut and every changed bit is refused politely, or the file still reads. */
  @Test
  void damagedFilesAreRefusedOrRead() throws IOException {
    Path torch = folder.resolve("whole.pt");
    TorchFile.writeList(torch, new int[] {3, 300, 70000});
    Path npy = folder.resolve("whole.npy");
    NpyFile.writeVector(npy, new int[] {3, 4});
    Path gguf = folder.resolve("whole.gguf");
    GgufFile.writeVector(gguf, Map.of("k", "v"), Map.of("n", 1), "d2t", new int[] {3, 4});
    for (Path whole : List.of(torch, npy, gguf)) {
      byte[] bytes = Files.readAllBytes(whole);
      Path damaged = folder.resolve("damaged" + whole.getFileName());
      for (int i = 0; i < bytes.length; i++) {
        Files.write(damaged, Arrays.copyOf(bytes, i));
        readOrRefuse(damaged);
        byte[] copy = bytes.clone();
        copy[i] ^= (byte) (1 << (i % 8));
        Files.write(damaged, copy);
        readOrRefuse(damaged);
      }
    }
  }

  private static void readOrRefuse(Path file) throws IOException {
    try {
      String name = file.toString();
      if (name.endsWith(".pt")) {
        TorchFile.readIntegers(file);
      } else if (name.endsWith(".npy")) {
        NpyFile.readVector(file);
      } else {
        GgufFile.readVector(file, "d2t");
      }
    } catch (FileFormatException e) {
      assertThat(e).hasMessageStartingWith(file + ": ");
    }
  }

  @Test
  void headersOfTokenFilesAreRead() throws IOException {
    Path file = npy("{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4), }", new byte[24]);
    NpyFile.Header header =
        NpyFile.readHeader(file, new ByteArrayInputStream(Files.readAllBytes(file)));
    assertThat(header).isEqualTo(new NpyFile.Header("<u2", List.of(3L, 4L)));
    assertThat(header.elementBytes()).isEqualTo(2);
  }
}
