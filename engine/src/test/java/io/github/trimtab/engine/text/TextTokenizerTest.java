package io.github.trimtab.engine.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextTokenizerTest {
  @TempDir Path folder;
  private TextTokenizer tokenizer;

  @BeforeEach
  void read() throws IOException {
    tokenizer = TextTokenizer.read(TinyTokenizer.write(folder));
  }

  @Test
  void textBecomesIdsByTheMerges() {
    assertThat(tokenizer.encode("abcab a\n", false))
        .containsExactly(TinyTokenizer.ABC, TinyTokenizer.AB, TinyTokenizer.SPACE_A, '\n');
    assertThat(tokenizer.encode("€\0", false)).containsExactly(TinyTokenizer.EURO_BEGUN, 0xac, 0);
    assertThat(tokenizer.encode("", false)).isEmpty();
  }

  @Test
  void specialTokensAreAddedWhenAskedAndReadWhereSpelt() {
    assertThat(tokenizer.encode("b", true)).containsExactly(TinyTokenizer.BEGIN, 'b');
    assertThat(tokenizer.encode("b<|end|><tool>", false))
        .containsExactly('b', TinyTokenizer.END, TinyTokenizer.TOOL);
  }

  @Test
  void textsLongerThanTheFilesLimitAreNotCut() {
    assertThat(tokenizer.encode("x".repeat(1000), true)).hasSize(1001);
  }

  @Test
  void idsAreDescribed() {
    assertThat(tokenizer.vocabularySize()).isEqualTo(TinyTokenizer.VOCABULARY_SIZE);
    assertThat(tokenizer.ids().cardinality()).isEqualTo(TinyTokenizer.VOCABULARY_SIZE);
    assertThat(tokenizer.specialIds()).containsExactly(TinyTokenizer.END, TinyTokenizer.BEGIN);
    assertThat(tokenizer.addedIds())
        .containsExactly(TinyTokenizer.END, TinyTokenizer.BEGIN, TinyTokenizer.TOOL);
    assertThat(tokenizer.byteIds())
        .containsExactlyElementsOf(IntStream.range(0, 256).boxed().toList());
    assertThat(tokenizer.id("<|end|>")).hasValue(TinyTokenizer.END);
    assertThat(tokenizer.id("none")).isEmpty();
    assertThat(tokenizer.token(TinyTokenizer.ABC)).isEqualTo("abc");
    assertThatThrownBy(() -> tokenizer.token(264))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("id: 264, expected");
  }

  @Test
  void theHashIsThatOfTheBytes() throws IOException {
    assertThat(tokenizer.sha256()).hasSize(64);
    assertThat(TextTokenizer.read(folder).sha256()).isEqualTo(tokenizer.sha256());
    Files.writeString(
        folder.resolve("tokenizer.json"),
        Files.readString(folder.resolve("tokenizer.json")) + "\n");
    assertThat(TextTokenizer.read(folder).sha256()).isNotEqualTo(tokenizer.sha256());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "abc ab", "€ 10 ü", "😀 a\n\n", "<|end|>b<tool>", "\0\t\r\n"})
  void decodingGivesTheTextBack(String text) {
    assertThat(tokenizer.decode(tokenizer.encode(text, true), true)).isEqualTo("<|begin|>" + text);
    assertThat(tokenizer.decode(tokenizer.encode(text, true), false))
        .isEqualTo(text.replace("<|end|>", ""));
  }

  @Test
  void unpairedSurrogatesCountAsReplacementCharacters() {
    assertThat(tokenizer.encode("a\ud83d😀\ude00b", false))
        .isEqualTo(tokenizer.encode("a\ufffd😀\ufffdb", false));
  }

  @Test
  void charactersSpreadOverTokensAppearWithTheLast() {
    StreamingDecoder stream = tokenizer.decoder(true);
    assertThat(stream.next(TinyTokenizer.ABC)).isEqualTo("abc");
    assertThat(stream.next(TinyTokenizer.EURO_BEGUN)).isEmpty();
    assertThat(stream.next(0xac)).isEqualTo("€");
    assertThat(stream.next(TinyTokenizer.EURO_BEGUN)).isEmpty();
    assertThat(stream.next('x')).isEqualTo("\ufffdx");
    assertThat(stream.next(0xf0)).isEmpty();
    assertThat(stream.end()).isEqualTo("\ufffd");
    assertThat(stream.next(0x80)).isEqualTo("\ufffd");
    assertThat(stream.end()).isEmpty();
  }

  /** Whatever the ids, the stream says what Java's own decoder says of all bytes at once. */
  @Test
  void streamingEqualsDecodingAtOnce() {
    Random random = new Random(1);
    for (int trial = 0; trial < 500; trial++) {
      byte[] bytes = new byte[1 + random.nextInt(12)];
      random.nextBytes(bytes);
      if (random.nextBoolean()) {
        byte[] good = "aé€😀".getBytes(StandardCharsets.UTF_8);
        System.arraycopy(good, 0, bytes, 0, Math.min(good.length, bytes.length));
      }
      int[] ids = IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray();
      assertThat(tokenizer.decode(ids, true)).isEqualTo(new String(bytes, StandardCharsets.UTF_8));
    }
  }

  @Test
  void manyThreadsMayEncode() {
    int[] expected = tokenizer.encode("abc ab €", false);
    List<int[]> all =
        IntStream.range(0, 200)
            .parallel()
            .mapToObj(i -> tokenizer.encode("abc ab €", false))
            .toList();
    assertThat(all).allMatch(ids -> Arrays.equals(ids, expected));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "~~|JSON: nothing, expected an object",
        "{|end-of-input",
        "[]|JSON: START_ARRAY",
        "{}|model.vocab: no token",
        "{'model':{'vocab':{'a':-1}}}|model.vocab: a: -1, expected an id from 0",
        "{'model':{'vocab':{'a':2147483647}}}|2147483647, expected an id from 0",
        "{'model':{'vocab':{'a':1.5}}}|1.5, expected an id",
        "{'model':{'vocab':{'a':0,'b':0}}}|id 0: tokens a and b, expected one",
        "{'model':{'vocab':[1]}}|[token, score]",
        "{'added_tokens':[{'id':1}]}|added_tokens: id or content missing",
        "{'model':{'vocab':{'a':0}}}|expected a tokenizer.json",
        "{'model':{'type':'BPE','vocab':{'a':0},'merges':['a b']}}|expected a tokenizer.json",
      })
  void filesThatAreNoTokenizerAreRefused(String json, String complaint) throws IOException {
    Path file = Files.writeString(folder.resolve("bad.json"), json.replace('\'', '"'));
    assertThatThrownBy(() -> TextTokenizer.read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(complaint);
  }

  /** The library numbers added tokens itself where their ids leave a gap. */
  @Test
  void idsThatTheLibraryWouldChangeAreRefused() throws IOException {
    Path file = folder.resolve("tokenizer.json");
    Files.writeString(file, Files.readString(file).replace("\"id\":263", "\"id\":300"));
    assertThatThrownBy(() -> TextTokenizer.read(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("added_tokens: <tool>: id 300, expected 263");
  }

  @Test
  void otherAlphabetsEncodeButDoNotDecode() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("plain.json"),
            "{\"version\":\"1.0\",\"added_tokens\":[],\"model\":{\"type\":\"Unigram\",\"unk_id\":0,"
                + "\"vocab\":[[\"?\",0],[\"a\",-1],[\"<0x41>\",-2]]}}");
    TextTokenizer plain = TextTokenizer.read(file);
    assertThat(plain.encode("aa", false)).containsExactly(1, 1);
    assertThat(plain.byteIds()).containsExactly(2);
    assertThatThrownBy(() -> plain.decoder(true)).hasMessageContaining("expected ByteLevel");
  }
}
