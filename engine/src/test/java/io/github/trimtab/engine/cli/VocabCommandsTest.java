package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.engine.text.TinyTokenizer;
import io.github.trimtab.io.NpyFile;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.io.TorchFile;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.vocab.CountsFile;
import io.github.trimtab.vocab.KeptFile;
import io.github.trimtab.vocab.KeptVocabulary;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VocabCommandsTest {
  @TempDir Path folder;
  private String tokenizer = "";

  @BeforeEach
  void writeTokenizer() throws IOException {
    Path model = Files.createDirectory(folder.resolve("model"));
    tokenizer = TinyTokenizer.write(model).toString();
  }

  private static Trimtab vocab(String... args) {
    return Trimtab.run(Stream.concat(Stream.of("vocab"), Stream.of(args)).toArray(String[]::new));
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private Path write(String name, byte... bytes) throws IOException {
    return Files.write(folder.resolve(name), bytes);
  }

  @Test
  void tokenFilesOfAllKindsAreCounted() throws IOException {
    Path data = Files.createDirectories(folder.resolve("data/below"));
    Files.write(data.resolve("a.u16"), new byte[] {1, 0, 2, 0, 1, 0});
    Files.write(data.resolve("b.i32"), new byte[] {3, 0, 0, 0});
    NpyFile.writeVector(data.resolve("c.npy"), new int[] {3, 3, 9});
    String out =
        vocab("count", "--vocab-size", "10", "--out", path("c.txt"), path("data")).succeeds().out();
    assertThat(out).contains("7 tokens, 4 of 10 ids");
    assertThat(CountsFile.read(folder.resolve("c.txt")).toArray())
        .containsExactly(0, 2, 1, 3, 0, 0, 0, 0, 0, 1);
  }

  @Test
  void textAndChatsAreCountedByTheTokenizer() throws IOException {
    Files.writeString(folder.resolve("a.txt"), "abc ab\n");
    Files.writeString(
        folder.resolve("b.jsonl"),
        "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},"
            + "{\"role\":\"assistant\",\"content\":\"abc\"}]}\n");
    vocab(
            "count",
            "--tokenizer",
            tokenizer,
            "--source",
            "mine",
            "--out",
            path("c.counts"),
            path("a.txt"),
            path("b.jsonl"))
        .succeeds();
    TokenCounts counts = CountsFile.read(folder.resolve("c.counts"));
    assertThat(counts.count(TinyTokenizer.ABC)).isEqualTo(2);
    assertThat(counts.provenance().source()).isEqualTo("mine");
    assertThat(counts.provenance().tokenizer()).hasSize(64);
    vocab("count", "--vocab-size", "300", "--out", path("d.txt"), path("a.txt"))
        .fails(2, "--tokenizer: missing", "a.txt");
    vocab("count", "--tokenizer", tokenizer, "--vocab-size", "200", "--out", "x", path("a.txt"))
        .fails(2, "--vocab-size: 200, expected at least the tokenizer's 264");
  }

  /** A count that failed in its second file goes on behind the checkpoint, without the first. */
  @Test
  void anInterruptedCountGoesOn() throws IOException {
    write("a.u16", new byte[600_000]);
    byte[] damaged = new byte[600_000];
    damaged[599_998] = 99;
    Path second = write("b.u16", damaged);
    String[] args = {
      "count",
      "--vocab-size",
      "10",
      "--every",
      "0",
      "--threads",
      "2",
      "--checkpoint",
      path("state"),
      "--out",
      path("c.txt"),
      path("a.u16"),
      path("b.u16")
    };
    vocab(args).fails(2, "b.u16", "token id: 99, expected 0 to 9");
    assertThat(folder.resolve("state")).exists();
    assertThat(folder.resolve("c.txt")).doesNotExist();
    // Were the first file read again, these ids would be counted.
    byte[] ones = new byte[600_000];
    for (int i = 0; i < ones.length; i += 2) {
      ones[i] = 1;
    }
    write("a.u16", ones);
    Files.write(second, new byte[600_000]);
    vocab(args).succeeds();
    TokenCounts counts = CountsFile.read(folder.resolve("c.txt"));
    assertThat(counts.count(0)).isEqualTo(600_000);
    assertThat(counts.total()).isEqualTo(600_000);
    assertThat(folder.resolve("state")).doesNotExist();
    // The state of another job is refused.
    Files.write(second, damaged);
    vocab(args).fails(2, "token id: 99");
    args[2] = "11";
    vocab(args).fails(2, "state", "checkpoint of another job");
    args[2] = "10";
    Map<String, String> said;
    try (Safetensors state = Safetensors.open(folder.resolve("state"))) {
      said = new HashMap<>(state.metadata());
    }
    said.put("file", "-1");
    SafetensorsWriter.write(
        folder.resolve("state"), Map.of("counts", Tensor.allocate(DType.I64, 10)), said);
    vocab(args).fails(2, "state: file: -1, expected 0 to ");
  }

  private Path counts(int size) throws IOException {
    Path file = folder.resolve("counts.txt");
    long[] counts = IntStream.range(0, size).mapToLong(id -> size - id).toArray();
    CountsFile.write(file, new TokenCounts(new Provenance("", "", size), counts));
    return file;
  }

  private KeptVocabulary kept(String name, int size) throws IOException {
    return KeptFile.read(folder.resolve(name), new Provenance("", "", size)).kept();
  }

  @Test
  void trimProtectsAndRounds() throws IOException {
    String counts = counts(264).toString();
    Trimtab trimmed =
        vocab(
            "trim",
            counts,
            "--top-k",
            "260",
            "--tile",
            "1",
            "--tokenizer",
            tokenizer,
            "--out",
            path("k.json"));
    assertThat(trimmed.succeeds().out()).contains("260 of 264 ids");
    assertThat(kept("k.json", 264).contains(TinyTokenizer.END)).isTrue();
    assertThat(kept("k.json", 264).contains(TinyTokenizer.TOOL)).isTrue();
    assertThat(kept("k.json", 264).contains(TinyTokenizer.NEWLINES)).isFalse();
    vocab("trim", counts, "--top-k", "2", "--tokenizer", tokenizer, "--out", path("k.json"))
        .fails(2, "k: 2, expected 259 (protected ids)");
    Trimtab bare = vocab("trim", counts, "--top-k", "5", "--out", path("k.npy"));
    assertThat(bare.exitCode()).isZero();
    assertThat(bare.err()).contains("no --tokenizer");
    assertThat(kept("k.npy", 264).size()).isEqualTo(128);
    vocab(
            "trim",
            counts,
            "--top-k",
            "5",
            "--tile",
            "1",
            "--protect",
            "250,251",
            "--out",
            path("k.pt"))
        .succeeds();
    assertThat(kept("k.pt", 264).ids()).containsExactly(0, 1, 2, 250, 251);
  }

  @Test
  void trimKnowsItsWays() throws IOException {
    String counts = counts(20).toString();
    String[] common = {"trim", counts, "--tile", "1", "--protect", "19", "--out", path("k.npy")};
    vocab(with(common, "--mass", "0.5")).succeeds();
    assertThat(kept("k.npy", 20).size()).isEqualTo(7);
    vocab(with(common, "--drop", "18")).succeeds();
    assertThat(kept("k.npy", 20).ids()).containsExactly(0, 1, 2, 19);
    vocab(
            with(
                common,
                "--auto",
                "--draft-weights",
                "50",
                "--target-weights",
                "100",
                "--width",
                "2"))
        .succeeds();
    int byWeights = kept("k.npy", 20).size();
    Files.writeString(folder.resolve("times"), "# rows seconds\n1 0\n20 100\n");
    vocab(with(common, "--auto", "--latency", path("times"), "--target-seconds", "1")).succeeds();
    assertThat(kept("k.npy", 20).size()).isLessThan(byWeights);
    vocab(with(common, "--auto")).fails(2, "--auto: no costs");
    vocab(with(common, "--auto", "--latency", path("times"))).fails(2, "--target-seconds: missing");
    vocab(with(common, "--mass", "2")).fails(2, "share: 2.0");
    vocab(with(common, "--drop", "0")).fails(2, "times: 0");
    vocab("trim", counts, "--top-k", "5", "--protect", "20", "--out", "x")
        .fails(2, "--protect: 20");
    vocab("trim", counts, "--top-k", "5", "--tile", "0", "--out", "x").fails(2, "tile: 0");
    Trimtab both = vocab(with(common, "--mass", "0.5", "--top-k", "5"));
    assertThat(both.exitCode()).isEqualTo(2);
  }

  private static String[] with(String[] args, String... more) {
    return Stream.concat(Stream.of(args), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void coverageIsATableOrJson() throws IOException {
    String counts = counts(10).toString();
    KeptFile.write(
        folder.resolve("k.json"), KeptVocabulary.of(new Provenance("", "", 10), 0, 1, 9));
    String[] args = {
      "coverage", path("k.json"), "--held-out", "java=" + counts, "--held-out", counts
    };
    assertThat(vocab(args).succeeds().out())
        .contains("java", "counts.txt", "overall")
        .containsPattern("java +3 +55 +0\\.3636");
    assertThat(vocab(with(args, "--format", "json")).succeeds().out())
        .contains("\"domain\" : \"overall\"", "\"tokens\" : 110", "\"covered\" : 40");
    vocab("coverage", path("k.json"), "--vocab-size", "11", "--held-out", counts)
        .fails(2, "10 counts, expected 11");
  }

  @ParameterizedTest
  @CsvSource({
    "a.pt, b.json",
    "a.json, b.safetensors",
    "a.safetensors, b.gguf",
    "a.gguf, b.npy",
    "a.npy, b.pt"
  })
  void convertGoesByTheEndings(String from, String to) throws IOException {
    KeptFile.write(folder.resolve(from), KeptVocabulary.of(new Provenance("", "", 50), 7, 41, 3));
    String out =
        vocab("convert", "--in", path(from), "--vocab-size", "50", "--out", path(to))
            .succeeds()
            .out();
    assertThat(out).contains(to + ": 3 of 50 ids");
    assertThat(kept(to, 50).ids()).containsExactly(3, 7, 41);
  }

  /** A list whose end token was cut off, with a doubled begin token and rows of padding. */
  @Test
  void convertMendsKnownFaults() throws IOException {
    TorchFile.writeList(
        folder.resolve("freq.pt"), new int[] {TinyTokenizer.BEGIN, 97, TinyTokenizer.BEGIN, 300});
    Trimtab plain =
        vocab("convert", "--in", path("freq.pt"), "--vocab-size", "320", "--out", path("k.json"));
    assertThat(plain.exitCode()).isZero();
    assertThat(plain.err().lines())
        .singleElement()
        .asString()
        .contains("1 repeated ids dropped, the first 262 at place 2");
    assertThat(kept("k.json", 320).ids()).containsExactly(97, 262, 300);
    Trimtab mended =
        vocab(
            "convert",
            "--in",
            path("freq.pt"),
            "--vocab-size",
            "320",
            "--tokenizer",
            tokenizer,
            "--out",
            path("k.json"));
    assertThat(mended.exitCode()).isZero();
    assertThat(mended.err()).contains("1 ids without a token dropped", "257 special");
    assertThat(kept("k.json", 320).contains(TinyTokenizer.END)).isTrue();
    assertThat(kept("k.json", 320).contains(300)).isFalse();
  }

  /** Ends of turns may be named by the model's configuration alone. */
  @Test
  void configuredEndsAreKept() throws IOException {
    Files.writeString(
        folder.resolve("model/generation_config.json"),
        "{\"eos_token_id\": [257, 258], \"max_length\": 9, \"bos_token_id\": 260}");
    KeptFile.write(folder.resolve("a.json"), KeptVocabulary.of(new Provenance("", "", 264), 97));
    vocab("convert", "--in", path("a.json"), "--tokenizer", path("model"), "--out", path("b.json"));
    assertThat(kept("b.json", 264).ids()).contains(257, 258, 260).doesNotContain(256, 259);
  }

  @Test
  void badInputLeavesNoFile() throws IOException {
    Files.writeString(folder.resolve("a.json"), "[1, 60]");
    vocab("convert", "--in", path("a.json"), "--vocab-size", "50", "--out", path("b.npy"))
        .fails(2, "a.json", "id 60 at place 1, expected 0 to 49");
    vocab("convert", "--in", path("a.json"), "--out", path("b.npy"))
        .fails(2, "--vocab-size: missing");
    vocab("convert", "--in", path("a.json"), "--vocab-size", "0", "--out", path("b.npy"))
        .fails(2, "--vocab-size: 0");
    vocab("convert", "--in", path("none.pt"), "--vocab-size", "5", "--out", path("b.npy"))
        .fails(2, "none.pt: no such file");
    vocab("convert", "--in", path("a.json"), "--vocab-size", "99", "--out", path("b.xyz"))
        .fails(2, "b.xyz: unknown ending");
    vocab("count", "--vocab-size", "5", "--out", path("c.txt")).fails(2, "--format: missing");
    vocab("count", "--vocab-size", "5", "--threads", "0", "--out", path("c.txt"), path("a.json"))
        .fails(2, "--threads: 0");
    vocab("count", "--vocab-size", "5", "--out", path("no/c.txt"), path("none.u16"))
        .fails(2, "--out", "no/c.txt, expected a file in a folder that exists");
    vocab("count", "--out", path("c.txt"), path("none.u16"))
        .fails(2, "trimtab: " + path("none.u16") + ": no such file");
    vocab("trim", counts(9).toString(), "--out", path("b.npy"))
        .fails(2, "trimtab: Missing required argument");
    Files.write(folder.resolve("times"), new byte[] {(byte) 0xff});
    vocab(
            "trim",
            counts(9).toString(),
            "--auto",
            "--latency",
            path("times"),
            "--target-seconds",
            "1",
            "--out",
            path("b.npy"))
        .fails(2, "--latency", "times, expected a file of text in UTF-8");
    assertThat(folder.resolve("b.npy")).doesNotExist();
    assertThat(folder.resolve("c.txt")).doesNotExist();
  }
}
