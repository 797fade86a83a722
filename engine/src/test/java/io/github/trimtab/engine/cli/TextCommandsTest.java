package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.engine.checkpoint.JsonObject;
import io.github.trimtab.engine.llama.LlamaModel;
import io.github.trimtab.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands that run the bundled language models, kept short. */
class TextCommandsTest {

  private static final String MODELS = Path.of("..", "models", "java-text").toString();

  @TempDir Path folder;

  private Trimtab eval(Path out, int prompts, String... more) {
    String[] args = {
      "vocab",
      "eval",
      "--model",
      MODELS,
      "--out",
      out.toString(),
      "--sections",
      "size,tail",
      "--shares",
      "4",
      "--drafters",
      "eagle",
      "--temperatures",
      "1",
      "--prompts",
      Integer.toString(prompts)
    };
    String[] all = Arrays.copyOf(args, args.length + more.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    return Trimtab.run(all);
  }

  private Trimtab demo(Path out, String... more) {
    String[] args = {
      "demo", "--only", "text", "--text-model", MODELS, "--tokens", "12", "--out", out.toString()
    };
    String[] all = Arrays.copyOf(args, args.length + more.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    return Trimtab.run(all);
  }

  @Test
  void theDemonstrationWritesTheSameTextEveryTime() throws IOException {
    Path out = folder.resolve("demo");
    Trimtab run = demo(out).succeeds();
    assertThat(run.out()).contains("class RingBuffer", "Plain decoding", "EAGLE, 25 % of the head");
    List<String> lines = Files.readAllLines(out.resolve("text.txt"));
    assertThat(lines).hasSize(6);
    assertThat(lines.subList(2, 6)).allMatch(line -> line.endsWith(" yes"));
    List<String> tokens = Files.readAllLines(out.resolve("text-tokens.txt"));
    assertThat(tokens).hasSize(20).allMatch(line -> line.split(" ", -1).length == 12);
    assertThat(tokens.subList(4, 20)).isSubsetOf(tokens.subList(0, 4));
  }

  @Test
  void longPromptsMayBeForgottenInPart() throws IOException {
    Path out = folder.resolve("demo");
    String text = demo(out, "--snapkv", "24").succeeds().out();
    assertThat(Files.readAllLines(out.resolve("text.txt")).subList(2, 6))
        .allMatch(line -> line.endsWith(" yes"));
    assertThat(text).contains("class RingBuffer");
    demo(out, "--snapkv", "1").fails(Failures.BAD_INPUT, "--snapkv: 1, expected 2 to");
  }

  @Test
  void anEvaluationGoesOnWhereItWasStoppedAndRepeatsItsCounts() throws IOException {
    Path first = folder.resolve("first");
    assertThat(eval(first, 1, "--tokens", "16").succeeds().out())
        .contains("java T=1.0 plain", "rows=4096 list=target-java tail=512");
    Path records = first.resolve("records-16-1.jsonl");
    List<String> lines = Files.readAllLines(records);
    assertThat(lines).hasSize(4);
    Files.writeString(records, lines.get(0) + "\n" + lines.get(1) + "\n" + lines.get(2));
    eval(first, 1, "--tokens", "16").succeeds();
    List<String> again = Files.readAllLines(records);
    assertThat(again.subList(0, 2)).isEqualTo(lines.subList(0, 2));
    assertThat(again).hasSize(4);
    for (int i = 2; i < 4; i++) {
      assertThat(again.get(i).replaceFirst("\"seconds.*", ""))
          .isEqualTo(lines.get(i).replaceFirst("\"seconds.*", ""));
    }
    Path page =
        Files.writeString(folder.resolve("page.md"), "<!-- study: tail -->\n<!-- end -->\n");
    eval(first, 1, "--tokens", "16", "--report", "--untimed", "--page", page.toString()).succeeds();
    assertThat(Files.readString(page))
        .contains("| java | 1.0 | eagle | 4096 + 512 | target-java |");
    assertThat(Files.readAllLines(records)).isEqualTo(again);
    assertThat(JsonObject.read(first.resolve("study.json")).objects("cells")).hasSize(3);
    eval(first, 1, "--tokens", "16", "--report").succeeds();
    eval(first, 1, "--tokens", "17", "--report").fails(Failures.BAD_INPUT, "--report: ");
    JsonObject study = JsonObject.read(first.resolve("study.json"));
    JsonObject full = study.objects("cells").get(1);
    assertThat(full.text("drafter")).isEqualTo("eagle");
    assertThat(full.number("tokens_per_pass_of_full_head")).isEqualTo(1);
    assertThat(study.objects("cells").get(2).number("cost_ratio"))
        .isLessThan(full.number("cost_ratio"));
  }

  @Test
  void textsSideBySideAreCountedAsTheyAreAlone() throws IOException {
    Path alone = folder.resolve("alone");
    eval(alone, 3, "--tokens", "12", "--untimed").succeeds();
    Path beside = folder.resolve("beside");
    eval(beside, 3, "--tokens", "12", "--untimed", "--batch", "2").succeeds();
    List<String> lines = counts(beside.resolve("records-12-1-batch2.jsonl"));
    assertThat(lines).hasSize(9).isEqualTo(counts(alone.resolve("records-12-1.jsonl")));
  }

  /** The lines of records without their seconds, in order. */
  private static List<String> counts(Path records) throws IOException {
    return Files.readAllLines(records).stream()
        .map(line -> line.replaceFirst("\"seconds.*", ""))
        .sorted()
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    "--batch, 65, '--batch: 65, expected 1 to 64'",
    "--prompts, 0, '--prompts: 0, expected 1 to'",
    "--temperatures, -1, '--temperatures: -1.0, expected 0 to 10'",
    "--shares, 1, '--shares: 1, expected 2 to'",
    "--foreign, xx, 'domain: xx, expected one of'",
    "--drafters, medusa, --drafters",
    "--sections, all, --sections",
    "--page, nowhere.md, '--page: nowhere.md, expected a Markdown file'",
    "--model, nowhere, nowhere",
  })
  void badInputIsNamedAndNothingWritten(String option, String value, String message) {
    Path out = folder.resolve("out");
    List<String> args = new ArrayList<>(List.of("vocab", "eval", "--out", out.toString()));
    if (!option.equals("--model")) {
      args.addAll(List.of("--model", MODELS));
    }
    args.addAll(List.of(option, value));
    Trimtab.run(args.toArray(String[]::new)).fails(Failures.BAD_INPUT, message);
    assertThat(out).doesNotExist();
  }

  @Test
  void anExportedModelIsTheSameModel() throws IOException {
    Path out = folder.resolve("exported");
    String draft = Path.of(MODELS, "draft").toString();
    Trimtab.run("model", "export", "--model", draft, "--out", out.toString()).succeeds();
    LlamaModel exported = LlamaModel.load(out);
    LlamaModel bundled = LlamaModel.load(Path.of(draft));
    assertThat(exported.head().format()).isEqualTo(DType.F32);
    float[] row = new float[bundled.config().width()];
    float[] other = new float[row.length];
    for (int id = 0; id < 16384; id += 1000) {
      bundled.head().read(id, row);
      exported.head().read(id, other);
      assertThat(other).isEqualTo(row);
    }
    assertThat(JsonObject.read(out.resolve("config.json")).text("torch_dtype"))
        .isEqualTo("float32");
    assertThat(out.resolve("tokenizer.json")).exists();
    Trimtab.run("model", "export", "--model", draft, "--out", draft)
        .fails(Failures.BAD_INPUT, "--out");
  }
}
