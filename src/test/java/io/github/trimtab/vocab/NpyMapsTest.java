package io.github.trimtab.vocab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code d2t} and {@code t2d} as .npy files beside each other. */
class NpyMapsTest {
  private static final Provenance TEN = new Provenance("", "", 10);

  @TempDir Path folder;

  private Path npy(String name, String descr, int length, byte[] data) throws IOException {
    byte[] header =
        "{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }\n"
            .formatted(descr, length)
            .getBytes(StandardCharsets.US_ASCII);
    ByteBuffer bytes =
        ByteBuffer.allocate(10 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0});
    bytes.putShort((short) header.length).put(header).put(data);
    return Files.write(folder.resolve(name), bytes.array());
  }

  private Path offsets(long... offsets) throws IOException {
    ByteBuffer data =
        ByteBuffer.allocate(offsets.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (long offset : offsets) {
      data.putLong(offset);
    }
    return npy("d2t.npy", "<i8", offsets.length, data.array());
  }

  private Path mask(int... places) throws IOException {
    byte[] data = new byte[10];
    for (int place : places) {
      data[place] = 1;
    }
    return npy("t2d.npy", "|b1", 10, data);
  }

  private static int[] ids(Path file) throws IOException {
    return KeptFile.read(file, TEN).kept().ids();
  }

  @Test
  void offsetsAndMaskMeanTheSameIds() throws IOException {
    Path map = offsets(1, 1, 5);
    assertThat(ids(map)).containsExactly(1, 2, 7);
    Path mask = mask(1, 2, 7);
    assertThat(ids(map)).containsExactly(1, 2, 7);
    assertThat(ids(mask)).containsExactly(1, 2, 7);
    // Without the name they would be ids, of which two are the same.
    Path plain = Files.copy(map, folder.resolve("plain.npy"));
    assertThat(ids(plain)).containsExactly(1, 5);
  }

  @Test
  void zeroOffsetsAreMadeAgainFromTheMask() throws IOException {
    Path map = offsets(0, 0, 0);
    assertThatThrownBy(() -> ids(map)).hasMessageContaining("all zero and no t2d");
    Path _ = mask(1, 2, 7);
    KeptFile.Read read = KeptFile.read(map, TEN);
    assertThat(read.kept().ids()).containsExactly(1, 2, 7);
    assertThat(read.messages())
        .containsExactly(map + ": d2t does not agree with t2d, ids taken from t2d");
    Path _ = mask(1, 2);
    assertThatThrownBy(() -> ids(map)).hasMessageContaining("t2d: 2 ids, expected the 3 of d2t");
  }

  @Test
  void aMapIsWrittenAsOneAndReadBack() throws IOException {
    Path map = folder.resolve("draft-d2t.npy");
    KeptFile.write(map, KeptVocabulary.of(TEN, 1, 2, 7));
    Path plain = Files.copy(map, folder.resolve("plain.npy"));
    assertThat(ids(map)).containsExactly(1, 2, 7);
    assertThat(ids(plain)).containsExactly(1, 5);
  }

  @Test
  void lyingMasksAreRefused() throws IOException {
    Path shorter = npy("t2d.npy", "|b1", 9, new byte[9]);
    assertThatThrownBy(() -> ids(shorter)).hasMessageContaining("t2d: 9 places, expected 10");
    byte[] two = new byte[10];
    two[3] = 2;
    Path other = npy("t2d.npy", "|b1", 10, two);
    assertThatThrownBy(() -> ids(other)).hasMessageContaining("[3]: 2, expected 0 or 1");
    Path none = npy("t2d.npy", "|b1", 10, new byte[10]);
    assertThatThrownBy(() -> ids(none)).hasMessageContaining("no id");
  }
}
