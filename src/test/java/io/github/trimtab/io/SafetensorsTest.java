package io.github.trimtab.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
  @TempDir Path folder;

  /** A file of the given header and as many zero bytes of data. */
  private Path file(String json, int dataBytes) throws IOException {
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    return raw(header.length, header, dataBytes);
  }

  private Path raw(long length, byte[] header, int dataBytes) throws IOException {
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(length).put(header);
    return Files.write(folder.resolve("in.safetensors"), bytes.array());
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    Path file = folder.resolve("out.safetensors");
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("a\n\"ü", Tensor.wrap(new int[] {1, -2, 3}, 3));
    tensors.put("empty", Tensor.allocate(DType.BF16, 2, 0, 3));
    tensors.put("half", Tensor.allocate(DType.F16, 3));
    tensors.put("long", Tensor.allocate(DType.I64));
    tensors.put("matrix", Tensor.wrap(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
    tensors.put("codes", Tensor.allocate(DType.INT8, 5));
    SafetensorsWriter.write(file, tensors, Map.of("made", "for a test", "by", "hand"));

    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.metadata())
          .containsOnly(Map.entry("made", "for a test"), Map.entry("by", "hand"));
      assertThat(read.tensors())
          .extracting(TensorInfo::name)
          .containsExactly("long", "a\n\"ü", "matrix", "empty", "half", "codes");
      assertThat(read.tensor("empty").shape()).containsExactly(2, 0, 3);
      assertThat(read.tensor("long").rank()).isZero();
      Tensor matrix = read.tensor("matrix");
      assertThat(matrix.dtype()).isEqualTo(DType.F32);
      assertThat(matrix.floatAt(matrix.offset(1, 2))).isEqualTo(6f);
      assertThat(matrix.segment().isReadOnly()).isTrue();
      Tensor integers = read.tensor("a\n\"ü");
      assertThat(integers.integerAt(integers.offset(1))).isEqualTo(-2);
    }
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(bytes.getLong(0) % 8).isZero();
  }

  @Test
  void stridedTensorsAreWrittenInRowMajorOrder() throws IOException {
    Path file = folder.resolve("out.safetensors");
    float[] values = new float[2 * 3 * 5];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Tensor whole = Tensor.wrap(values, 2, 3, 5);
    Map<String, Tensor> views =
        Map.of(
            "permuted", whole.permute(2, 0, 1),
            "narrowed", whole.narrow(1, 1, 2),
            "both", whole.narrow(2, 1, 3).permute(1, 0, 2),
            "broadcast",
                Tensor.strided(DType.F32, whole.buffer(), 8, new long[] {2, 4}, new long[] {5, 0}));
    SafetensorsWriter.write(file, views, Map.of());
    try (Safetensors read = Safetensors.open(file)) {
      views.forEach((name, view) -> assertThat(floats(read.tensor(name))).isEqualTo(floats(view)));
    }
  }

  /** Elements in row-major order, read one by one. */
  private static float[] floats(Tensor tensor) {
    float[] values = new float[(int) tensor.elements()];
    for (int i = 0; i < values.length; i++) {
      long offset = tensor.offset();
      long rest = i;
      for (int dim = tensor.rank() - 1; dim >= 0; dim--) {
        offset += rest % tensor.size(dim) * tensor.stride(dim) * 4;
        rest /= tensor.size(dim);
      }
      values[i] = tensor.floatAt(offset);
    }
    return values;
  }

  @Test
  void moreDataThanTheStagingBufferIsWrittenWhole() throws IOException {
    Path file = folder.resolve("out.safetensors");
    int[] values = new int[700_001];
    Arrays.setAll(values, i -> i * 31);
    SafetensorsWriter.write(file, Map.of("x", Tensor.wrap(values, values.length)), Map.of());
    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.bytes("x").mismatch(MemorySegment.ofArray(values))).isEqualTo(-1);
    }
  }

  @Test
  void unalignedDataIsReadable() throws IOException {
    Path file = file("{\"x\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}} ", 8);
    try (Safetensors read = Safetensors.open(file)) {
      Tensor x = read.tensor("x");
      assertThat(x.integerAt(x.offset(0))).isZero();
    }
  }

  @Test
  void formatsWithoutADtypeAreReachableAsBytes() throws IOException {
    Path file = file("{\"x\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);
    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.bytes("x").toArray(ValueLayout.JAVA_BYTE)).containsExactly(0, 0, 0);
      assertThatThrownBy(() -> read.tensor("x"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("tensor x: dtype BOOL");
      assertThatThrownBy(() -> read.tensor("y"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("tensor y is missing");
    }
  }

  @Test
  void useAfterCloseThrows() throws IOException {
    Safetensors read =
        Safetensors.open(
            file("{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1));
    read.close();
    read.close();
    assertThatThrownBy(() -> read.bytes("x")).isInstanceOf(IllegalStateException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "[]|0|header",
        "{|0|header",
        "{} x|0|header",
        "{}{}|0|more text",
        "{'x':1}|0|tensor x: VALUE_NUMBER_INT",
        "{'x':{'dtype':'F32','shape':[1]}}|0|a field is missing",
        "{'x':{'dtype':'F33','shape':[1],'data_offsets':[0,4]}}|4|dtype F33",
        "{'x':{'dtype':'F32','shape':[-1],'data_offsets':[0,4]}}|4|shape: -1",
        "{'x':{'dtype':'F32','shape':[1.5],'data_offsets':[0,4]}}|4|shape: 1.5",
        "{'x':{'dtype':'F32','shape':['1'],'data_offsets':[0,4]}}|4|shape: 1",
        "{'x':{'dtype':'F32','shape':[9223372036854775808],'data_offsets':[0,4]}}|4|9223372036854775808",
        "{'x':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,0]}}|0|2^63 bits",
        "{'x':{'dtype':'F32','shape':[4294967296,4294967296,0],'data_offsets':[0,0]}}|0|2^63 bits",
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}|4|hold 4 bytes, expected 8",
        "{'x':{'dtype':'F4','shape':[3],'data_offsets':[0,2]}}|2|hold 2 bytes",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[4,0]}}|4|data_offsets [4, 0]",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4,8]}}|8|data_offsets [0, 4, 8]",
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}|4|within the 4 bytes",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}|8|begin at 4, expected 0",
        "{'x':{'dtype':'U8','shape':[1],'data_offsets':[9223372036854775806,9223372036854775807]}}|8|within"
            + " the 8",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}|8|data: 8 bytes, expected the 4",
        "{}|1|data: 1 bytes, expected the 0",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4],'more':1}}|4|field more",
        "{'x':{'dtype':'F32','dtype':'F32','shape':[1],'data_offsets':[0,4]}}|4|Duplicate",
        "{'x':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},'x':{'dtype':'U8','shape':[1],'data_offsets':[1,2]}}|2|Duplicate",
        "{'x':{'dtype':'U8','shape':[2],'data_offsets':[0,2]},'y':{'dtype':'U8','shape':[2],'data_offsets':[1,3]}}|3|tensor"
            + " y: data_offsets begin at 1, expected 2",
        "{'x':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},'y':{'dtype':'U8','shape':[1],'data_offsets':[2,3]}}|3|tensor"
            + " y: data_offsets begin at 2, expected 1",
        "{'__metadata__':{'a':1}}|0|__metadata__.a",
        "{'__metadata__':[]}|0|__metadata__",
      })
  void lyingHeadersAreRefused(String json, int dataBytes, String complaint) throws IOException {
    Path file = file(json.replace('\'', '"'), dataBytes);
    assertThatThrownBy(() -> Safetensors.open(file))
        .isInstanceOf(FileFormatException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(complaint);
  }

  @ParameterizedTest
  @ValueSource(longs = {3, 100, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MIN_VALUE, -1})
  void lyingHeaderLengthsAreRefused(long length) throws IOException {
    Path file = raw(length, "{}".getBytes(StandardCharsets.UTF_8), 0);
    assertThatThrownBy(() -> Safetensors.open(file))
        .isInstanceOf(FileFormatException.class)
        .hasMessageContaining("header length: " + Long.toUnsignedString(length));
  }

  @Test
  void everyTruncationIsRefused() throws IOException {
    Path whole = folder.resolve("whole.safetensors");
    SafetensorsWriter.write(whole, Map.of("x", Tensor.wrap(new float[3], 3)), Map.of("a", "b"));
    byte[] bytes = Files.readAllBytes(whole);
    Path cut = folder.resolve("cut.safetensors");
    for (int length = 0; length < bytes.length; length++) {
      Files.write(cut, Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> Safetensors.open(cut)).isInstanceOf(FileFormatException.class);
    }
  }

  /** Whatever a bit does to a file, it is refused politely or all of its tensors can be read. */
  @Test
  void damagedFilesAreRefusedOrRead() throws IOException {
    Path whole = folder.resolve("whole.safetensors");
    Map<String, Tensor> tensors =
        Map.of("a", Tensor.wrap(new float[6], 2, 3), "b", Tensor.wrap(new int[5], 5));
    SafetensorsWriter.write(whole, tensors, Map.of("c", "d"));
    byte[] bytes = Files.readAllBytes(whole);
    Path damaged = folder.resolve("damaged.safetensors");
    int refused = 0;
    for (int bit = 0; bit < bytes.length * Byte.SIZE; bit++) {
      byte[] copy = bytes.clone();
      copy[bit / Byte.SIZE] ^= (byte) (1 << (bit % Byte.SIZE));
      Files.write(damaged, copy);
      try (Safetensors read = Safetensors.open(damaged)) {
        read.tensors().forEach(tensor -> read.bytes(tensor.name()).toArray(ValueLayout.JAVA_BYTE));
      } catch (FileFormatException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(bytes.length);
  }

  @Test
  void headersThatAreNotUtf8AreRefused() throws IOException {
    Path file = raw(3, new byte[] {'{', (byte) 0xff, '}'}, 0);
    assertThatThrownBy(() -> Safetensors.open(file)).hasMessageContaining("expected UTF-8");
  }

  @Test
  void aFolderIsRefused() {
    assertThatThrownBy(() -> Safetensors.open(folder)).hasMessageContaining("a folder");
  }

  @Test
  void aFailedWriteLeavesTheOldFileAndNothingElse() throws IOException {
    Path file = Files.writeString(folder.resolve("out.safetensors"), "old");
    Buffer closed = Buffer.allocate(4);
    Tensor gone = Tensor.of(DType.F32, closed, 1);
    closed.close();
    assertThatThrownBy(() -> SafetensorsWriter.write(file, Map.of("x", gone), Map.of()))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> SafetensorsWriter.write(file, Map.of("__metadata__", gone), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("reserved");
    assertThat(file).hasContent("old");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void onlyRegularFilesAreReplaced() {
    assertThatThrownBy(() -> SafetensorsWriter.write(folder, Map.of(), Map.of()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not a regular file");
  }
}
