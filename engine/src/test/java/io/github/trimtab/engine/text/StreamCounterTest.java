package io.github.trimtab.engine.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.engine.text.StreamCounter.Format;
import io.github.trimtab.vocab.ParallelCounter;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounter;
import io.github.trimtab.vocab.TokenCounts;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class StreamCounterTest {
  @TempDir Path folder;
  private TextTokenizer tokenizer;
  private Provenance provenance;

  @BeforeEach
  void read() throws IOException {
    tokenizer = TextTokenizer.read(TinyTokenizer.write(folder));
    provenance = new Provenance("", tokenizer.sha256(), tokenizer.vocabularySize());
  }

  /** Counts what follows the first bytes, and notes the places where it may go on. */
  private TokenCounts count(Format format, byte[] bytes, long passed, List<Long> cuts)
      throws IOException {
    TokenCounts zero = new TokenCounts(provenance, new long[provenance.vocabularySize()]);
    try (var counter = new ParallelCounter(zero, 3)) {
      new StreamCounter(counter, tokenizer)
          .count(format, Path.of("in"), new ByteArrayInputStream(bytes), passed, cuts::add);
      return counter.counts();
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Lines of words, blank lines and indented ones, long enough for many pieces. */
  private static String text(int lines) {
    Random random = new Random(5);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < lines; i++) {
      text.append("  ".repeat(random.nextInt(3))).append("abc a€ ab".repeat(random.nextInt(9)));
      text.append("\n".repeat(1 + random.nextInt(4)));
    }
    return text.toString();
  }

  @Test
  void textInPiecesCountsAsInOne() throws IOException {
    String text = text(1000);
    TokenCounter whole = new TokenCounter(provenance);
    whole.add(tokenizer.encode(text, false));
    List<Long> cuts = new ArrayList<>();
    TokenCounts pieces = count(Format.TEXT, utf8(text), 0, cuts);
    assertThat(cuts).hasSizeGreaterThan(5);
    assertThat(pieces.toArray()).isEqualTo(whole.counts().toArray());
  }

  @ParameterizedTest
  @EnumSource(
      value = Format.class,
      names = {"U16", "TEXT", "JSONL"})
  void countingGoesOnFromEveryCut(Format format) throws IOException {
    byte[] bytes =
        switch (format) {
          case U16 -> new byte[600_000];
          case JSONL ->
              utf8(
                  "{\"messages\":[{\"role\":\"assistant\",\"content\":\"abc a€\"}]}\n"
                      .repeat(6000));
          default -> utf8(text(700));
        };
    List<Long> cuts = new ArrayList<>();
    TokenCounts whole = count(format, bytes, 0, cuts);
    assertThat(cuts).hasSizeGreaterThan(1).last().isEqualTo((long) bytes.length);
    for (long cut : List.of(cuts.getFirst(), cuts.get(cuts.size() / 2), cuts.getLast())) {
      byte[] first = Arrays.copyOf(bytes, (int) cut);
      TokenCounts parts =
          count(format, first, 0, new ArrayList<>())
              .plus(count(format, bytes, cut, new ArrayList<>()));
      assertThat(parts.toArray()).isEqualTo(whole.toArray());
    }
  }

  @Test
  void charactersAreNotCutInTextWithoutLines() throws IOException {
    TokenCounts counts = count(Format.TEXT, utf8("€".repeat(5000)), 0, new ArrayList<>());
    assertThat(counts.count(TinyTokenizer.EURO_BEGUN)).isEqualTo(5000);
    assertThat(counts.count(0xac)).isEqualTo(5000);
    assertThat(counts.total()).isEqualTo(10_000);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'messages':[{'role':'user','content':'abc'},{'role':'assistant','content':'ab'}]}",
        "{'id':1,'conversations':[{'from':'human','value':'abc'},{'from':'gpt','value':'ab'}]}",
        "{'messages':[{'content':[{'type':'text','text':'ab'}],'role':'assistant'}],'x':{'y':[1]}}",
        "\n\n{'messages':[{'role':'system','content':'abc'},{'role':'assistant','content':'ab'},"
            + "{'role':'assistant','content':null,'tool_calls':[{'content':'abc'}]}]}\n",
      })
  void onlyTheAssistantCounts(String line) throws IOException {
    TokenCounts counts = count(Format.JSONL, utf8(line.replace('\'', '"')), 0, new ArrayList<>());
    assertThat(counts.total()).isEqualTo(1);
    assertThat(counts.count(TinyTokenizer.AB)).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'text':'abc'}|not a chat",
        "[1]|not a chat",
        "abc|expected one JSON object",
        "{'messages':[{'role':'assistant'|expected one JSON object",
        "{'messages':[1]}|turn: 1",
        "{'messages':[]} {}|not a chat",
      })
  void linesThatAreNoChatAreRefused(String line, String complaint) {
    assertThatThrownBy(
            () -> count(Format.JSONL, utf8(line.replace('\'', '"')), 0, new ArrayList<>()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("in, after byte 0: ")
        .hasMessageContaining(complaint);
  }

  @Test
  void tokenFilesThatLieAreRefused() {
    assertThatThrownBy(() -> count(Format.U16, new byte[3], 0, new ArrayList<>()))
        .hasMessageContaining("in, after byte 0: ends within a token of 2 bytes");
    assertThatThrownBy(
            () -> count(Format.I32, new byte[] {0, 0, 0, 0, 8, 1, 0, 0}, 0, new ArrayList<>()))
        .hasMessageContaining("token id: 264, expected 0 to 263");
    assertThatThrownBy(() -> count(Format.NPY, utf8("abc"), 0, new ArrayList<>()))
        .hasMessageContaining("ends within the header");
    assertThatThrownBy(() -> count(Format.U16, new byte[3], 9, new ArrayList<>()))
        .isInstanceOf(IOException.class);
  }
}
