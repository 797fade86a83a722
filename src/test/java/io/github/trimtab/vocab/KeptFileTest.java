package io.github.trimtab.vocab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.io.FileFormatException;
import io.github.trimtab.io.GgufFile;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.io.TorchFile;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Kept vocabularies in files: what they mean, and the known faults of what the field writes. */
class KeptFileTest {
  private static final String HASH = "0123456789abcdef".repeat(4);
  private static final Provenance TEN = new Provenance("chats", HASH, 10);

  @TempDir Path folder;

  private static KeptFile.Read read(Path file) throws IOException {
    return KeptFile.read(file, TEN);
  }

  @ParameterizedTest
  @ValueSource(strings = {"k.pt", "k.safetensors", "k.gguf", "k.json", "k.npy"})
  void whatIsWrittenIsReadBack(String name) throws IOException {
    Path file = folder.resolve(name);
    KeptFile.write(file, KeptVocabulary.ranked(TEN, 7, 2, 9));
    KeptFile.Read read = read(file);
    assertThat(read.messages()).isEmpty();
    assertThat(read.kept().ids()).containsExactly(2, 7, 9);
    assertThat(read.kept().provenance()).isEqualTo(TEN);
    boolean keepsOrder = name.endsWith("pt") || name.endsWith("json");
    assertThat(read.kept().isRanked()).isEqualTo(keepsOrder);
    if (keepsOrder) {
      assertThat(read.kept().idsByRank()).containsExactly(7, 2, 9);
    }
    // The bytes tell the format where they can.
    if (!name.endsWith("json") && !name.endsWith("safetensors")) {
      Path renamed = Files.copy(file, folder.resolve("renamed"));
      assertThat(read(renamed).kept().ids()).containsExactly(2, 7, 9);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"k.safetensors", "k.gguf", "k.json"})
  void otherVocabulariesAndTokenizersAreRefused(String name) throws IOException {
    Path file = folder.resolve(name);
    KeptFile.write(file, KeptVocabulary.of(TEN, 7, 2));
    assertThatThrownBy(() -> KeptFile.read(file, new Provenance("", "", 11)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("vocabulary of 10 ids, expected 11");
    assertThatThrownBy(() -> KeptFile.read(file, new Provenance("", "f".repeat(64), 10)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("tokenizer " + HASH);
    assertThat(KeptFile.read(file, new Provenance("", "", 10)).kept().size()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"k.pt", "k.json", "k.npy", "k.gguf"})
  void idsOutsideTheVocabularyAreRefused(String name) throws IOException {
    Path file = folder.resolve(name);
    KeptFile.write(file, KeptVocabulary.of(new Provenance("", "", 20), 3, 15));
    // What says its size is refused for that, what does not for the id.
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageMatching(".*(id 15 at place 1, expected 0 to 9|vocabulary of 20 ids).*");
  }

  /** FR-Spec's script puts the begin token twice where the tokenizer adds one. */
  @Test
  void repeatedIdsAreDroppedWithAMessage() throws IOException {
    Path file = folder.resolve("freq.pt");
    TorchFile.writeList(file, new int[] {9, 3, 9, 1, 3});
    KeptFile.Read read = read(file);
    assertThat(read.kept().idsByRank()).containsExactly(9, 3, 1);
    assertThat(read.messages())
        .containsExactly(file + ": 2 repeated ids dropped, the first 9 at place 2");
  }

  @Test
  void emptyListsAreRefused() throws IOException {
    Path file = folder.resolve("freq.pt");
    TorchFile.writeList(file, new int[0]);
    assertThatThrownBy(() -> read(file)).hasMessageContaining("no id, expected at least one");
  }

  @Test
  void eagleMapsAreOffsetsAndAMask() throws IOException {
    Path file = folder.resolve("map.safetensors");
    KeptFile.write(file, KeptVocabulary.of(TEN, 1, 2, 7));
    try (Safetensors tensors = Safetensors.open(file)) {
      assertThat(tensors.bytes("d2t").toArray(ValueLayout.JAVA_LONG_UNALIGNED))
          .containsExactly(1, 1, 5);
      assertThat(tensors.info("t2d").format()).isEqualTo("BOOL");
      assertThat(tensors.bytes("t2d").toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(0, 1, 1, 0, 0, 0, 0, 1, 0, 0);
    }
  }

  /** Changes an element of d2t in a written file. */
  private Path withOffset(int place, long value) throws IOException {
    Path file = folder.resolve("map.safetensors");
    KeptFile.write(file, KeptVocabulary.of(TEN, 1, 2, 7));
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      long data = 8 + Long.reverseBytes(raw.readLong());
      raw.seek(data + 8L * place);
      raw.writeLong(Long.reverseBytes(value));
    }
    return file;
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 0", "2, 100", "2, -1", "0, -5", "2, 9223372036854775807"})
  void corruptOffsetsAreMadeAgainFromTheMask(int place, long value) throws IOException {
    KeptFile.Read read = read(withOffset(place, value));
    assertThat(read.kept().ids()).containsExactly(1, 2, 7);
    assertThat(read.messages()).singleElement().asString().contains("ids taken from t2d");
  }

  private Path tensors(Map<String, Tensor> tensors) throws IOException {
    Path file = folder.resolve("map.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    return file;
  }

  @Test
  void offsetsWithoutAMaskAreBelievedOnlyWhereTheyCanBe() throws IOException {
    assertThat(read(tensors(Map.of("d2t", Tensor.wrap(new int[] {0, 3, 3}, 3)))).kept().ids())
        .containsExactly(0, 4, 5);
    refused(tensors(Map.of("d2t", Tensor.wrap(new int[] {0, 0, 0}, 3))), "all zero and no t2d");
    refused(tensors(Map.of("d2t", Tensor.wrap(new int[] {5, 3, 3}, 3))), "not ascending");
    refused(tensors(Map.of("d2t", Tensor.wrap(new int[] {5, 9}, 2))), "not ascending in 0 to 9");
    refused(tensors(Map.of("d2t", Tensor.wrap(new float[] {5}, 1))), "d2t: F32[1]");
    refused(tensors(Map.of("d2t", Tensor.wrap(new int[] {5}, 1, 1))), "d2t: I32[1, 1]");
    refused(tensors(Map.of("d2t", Tensor.wrap(new int[11], 11))), "one dimension, at most 10");
    refused(tensors(Map.of("head", Tensor.wrap(new int[] {5}, 1))), "neither d2t nor t2d");
    // A full head has the offsets zero.
    int[] zeros = new int[10];
    assertThat(read(tensors(Map.of("d2t", Tensor.wrap(zeros, 10)))).kept().size()).isEqualTo(10);
  }

  @Test
  void masksThatLieAreRefused() throws IOException {
    Path file = folder.resolve("map.safetensors");
    KeptFile.write(file, KeptVocabulary.of(TEN, 1, 2, 7));
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 1] = 1;
    Files.write(file, bytes);
    refused(file, "t2d: 4 ids, expected the 3 of d2t");
    bytes[bytes.length - 1] = 2;
    Files.write(file, bytes);
    refused(file, "t2d[9]: 2, expected 0 or 1");
    refused(tensors(Map.of("t2d", Tensor.wrap(new int[10], 10))), "t2d: I32[10]");
    KeptFile.write(file, KeptVocabulary.of(new Provenance("", "", 12), 1));
    refused(file, "vocabulary of 12 ids");
  }

  private static void refused(Path file, String complaint) {
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(complaint);
  }

  @Test
  void ggufMapsAreAbsolute() throws IOException {
    Path file = folder.resolve("map.gguf");
    GgufFile.writeVector(file, Map.of(), Map.of(), "d2t", new int[] {1, 2, 7});
    assertThat(read(file).kept().ids()).containsExactly(1, 2, 7);
    GgufFile.writeVector(file, Map.of(), Map.of(), "d2t", new int[] {1, 1, 5});
    refused(file, "look like offsets");
    GgufFile.writeVector(file, Map.of(), Map.of(), "d2t", new int[] {0, 0, 0});
    refused(file, "all zero");
    GgufFile.writeVector(file, Map.of(), Map.of(), "d2t", new int[] {7, 1, 7});
    assertThat(read(file).messages()).singleElement().asString().contains("1 repeated ids");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "[3, 1, 2]|3",
        "{'ids': [3, 1, 2], 'more': {'x': [1]}}|3",
        "{'ids': []}|no id",
        "[]|no id",
        "{}|expected an array of ids",
        "7|expected an array of ids",
        "[1] 2|expected an array of ids",
        "[1, 2.5]|element 1: 2.5",
        "[1, '2']|element 1: 2",
        "[99999999999999999999]|element 0: 99999999999999999999",
        "[-1]|id -1 at place 0",
        "[1, 2|k.json: ",
        "{'ids': 5}|ids: 5",
        "{'vocabulary_size': 11, 'ids': [1]}|vocabulary of 11 ids",
        "{'tokenizer': 'xyz', 'ids': [1]}|k.json: tokenizer: xyz",
      })
  void jsonIsAnArrayOrHasIds(String json, String outcome) throws IOException {
    Path file = Files.writeString(folder.resolve("k.json"), json.replace('\'', '"'));
    if (outcome.equals("3")) {
      assertThat(read(file).kept().ids()).containsExactly(1, 2, 3);
    } else {
      assertThatThrownBy(() -> read(file))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(outcome);
    }
  }

  @Test
  void countsAreTextAndRankTheIds() throws IOException {
    Path file = folder.resolve("counts.txt");
    TokenCounts counts = new TokenCounts(TEN, new long[] {0, 5, 0, 9, 0, 0, 0, 1, 0, 0});
    CountsFile.write(file, counts);
    assertThat(file).content().startsWith("# vocabulary_size: 10\n").endsWith("1\n0\n0\n");
    assertThat(CountsFile.read(file).toArray()).isEqualTo(counts.toArray());
    assertThat(CountsFile.read(file).provenance()).isEqualTo(TEN);
    assertThat(read(file).kept().idsByRank()).containsExactly(3, 1, 7);
    Path bare = Files.writeString(folder.resolve("bare.txt"), "0\n5\n0\n9\n0\n0\n0\n1\n0\n0\n");
    assertThat(read(bare).kept().idsByRank()).containsExactly(3, 1, 7);
    assertThatThrownBy(() -> KeptFile.write(file, read(bare).kept()))
        .hasMessageContaining("counts");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1,2|2 counts, expected 10",
        "1,2,3,4,5,6,7,8,9,10,11|11 counts, expected 10",
        "1,x|count of id 1: x",
        "1,-2|count of id 1: -2",
        "1,99999999999999999999|count of id 1",
        "1,2.0|count of id 1: 2.0",
        "0,0,0,0,0,0,0,0,0,0|no id was counted",
        "# vocabulary_size: 9,0,0,0,0,0,0,0,0,0,1|10 counts",
      })
  void countsThatLieAreRefused(String lines, String complaint) throws IOException {
    Path file = Files.writeString(folder.resolve("c.txt"), lines.replace(',', '\n') + "\n");
    refused(file, complaint);
  }

  @Test
  void unknownFilesAreRefusedAndNothingIsLeftBehind() throws IOException {
    Path file = Files.writeString(folder.resolve("k.xyz"), "[1]");
    refused(file, "unknown ending");
    Path fake = Files.writeString(folder.resolve("k.pt"), "[1]");
    assertThatThrownBy(() -> read(fake)).isInstanceOf(FileFormatException.class);
    assertThatThrownBy(() -> KeptFile.write(file, KeptVocabulary.of(TEN, 1)))
        .hasMessageContaining("unknown ending");
    assertThatThrownBy(() -> KeptFile.write(folder.resolve("no/k.npy"), KeptVocabulary.of(TEN, 1)))
        .isInstanceOf(IOException.class);
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactlyInAnyOrder(file, fake);
    }
  }
}
