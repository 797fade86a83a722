package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.engine.study.HeadBudgets;
import io.github.trimtab.engine.var.TinyModel;
import io.github.trimtab.scalekv.BudgetJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code scalekv calibrate} and {@code scalekv eval}, one after the other as a user would. */
class StudyCommandsTest {

  @TempDir Path folder;

  private Path out;

  @BeforeEach
  void prepare() throws IOException {
    TinyModel.write(folder);
    out = folder.resolve("out");
  }

  private Trimtab run(String command, String... options) {
    List<String> args = new ArrayList<>(List.of("scalekv", command));
    args.addAll(List.of("--model", folder.toString(), "--out", out.toString()));
    args.addAll(List.of(options));
    return Trimtab.run(args.toArray(String[]::new));
  }

  private void calibrate() throws IOException {
    run("calibrate", "--maps", "2", "--cuts", "10,40", "--top", "8", "--rounds", "1").succeeds();
    Files.move(out.resolve("scalekv.json"), folder.resolve("scalekv.json"));
    Files.move(out.resolve("scalekv.safetensors"), folder.resolve("scalekv.safetensors"));
  }

  @Test
  void calibrationWritesBothMeasuresTablesAndHeatMaps() throws IOException {
    Trimtab run = run("calibrate", "--maps", "2", "--cuts", "10,40", "--drafters", "2").succeeds();
    assertThat(run.out()).contains("Z-scores", "drafters by scale number", "most sensitive");
    assertThat(out.resolve("scalekv.json")).content().contains("selectivity", "rise_nats");
    assertThat(out.resolve("scalekv.safetensors")).isNotEmptyFile();
    assertThat(BudgetJson.read(out.resolve("budget-20.json")).layers()).isEqualTo(2);
    assertThat(out.resolve("selectivity.png")).isNotEmptyFile();
    assertThat(out.resolve("sensitivity.png")).isNotEmptyFile();
  }

  @Test
  void aCalibrationGoesOnFromAnEarlierOneAndKeepsItsBudgets() throws IOException {
    run("calibrate", "--maps", "1", "--cuts", "20", "--top", "8", "--rounds", "0").succeeds();
    Path file = out.resolve("scalekv.safetensors");
    String json = Files.readString(out.resolve("scalekv.json"));
    String from = out.resolve("scalekv.json").toString();
    run("calibrate", "--from", from, "--maps", "1", "--rounds", "0", "--budgets", "30").succeeds();
    assertThat(out.resolve("scalekv.json")).content().isEqualTo(json);
    // 20, 10, 4 and 30 % of the 225 tokens that the last scale sees.
    assertThat(HeadBudgets.read(file, 5).budgets().keySet()).containsExactly(9, 23, 45, 68);
  }

  @Test
  void evaluationPrintsTablesAndItsFileGivesPlotsAndAPage() throws IOException {
    calibrate();
    String[] small = {
      "--maps",
      "2",
      "--pictures",
      "1",
      "--budgets",
      "20,10",
      "--picture-budgets",
      "10",
      "--policies",
      "scalekv,snapkv,sensitivitykv-compensated"
    };
    Trimtab run = run("eval", small).succeeds();
    assertThat(run.out()).contains("20 %", "10 %", "| scalekv |", "| snapkv |", "study.json");
    assertThat(run.out()).contains("| sensitivitykv-compensated |").doesNotContain("left out");
    assertThat(run("eval", small).succeeds().out()).isEqualTo(run.out());

    Path page =
        Files.writeString(folder.resolve("page.md"), "<!-- study: policies-10 -->\n<!-- end -->\n");
    Path plots = folder.resolve("plots");
    String[] options = {
      "scalekv",
      "eval",
      "--plots",
      out.resolve("study.json").toString(),
      "--page",
      page.toString(),
      "--out",
      plots.toString()
    };
    Trimtab.run(options).succeeds();
    assertThat(page).content().contains("| snapkv |", "<!-- end -->");
    assertThat(plots.resolve("kl-against-budget.png")).isNotEmptyFile();
    assertThat(plots.resolve("psnr-against-budget.png")).isNotEmptyFile();
  }

  @ParameterizedTest
  @CsvSource({
    "calibrate, --maps, 0, '--maps: 0, expected 1 to'",
    "calibrate, --from, nowhere.json, nowhere.json",
    "calibrate, --rounds, -1, '--rounds: -1, expected 0 to 64'",
    "calibrate, --maps, 1, '--maps: 1, expected 2 or more, or --rounds 0'",
    "calibrate, --top, 0, '--top: 0, expected 1 or more'",
    "calibrate, --cuts, '40,10', '--cuts: [40, 10], expected rising'",
    "calibrate, --budgets, 100, '--budgets: 100, expected whole percents'",
    "calibrate, --drafters, 999, 999",
    "calibrate, --backend, cuda, cuda",
    "eval, --budgets, 0, '--budgets: 0, expected whole percents'",
    "eval, --policies, best, 'best, expected one of'",
    "eval, --maps, -1, '--maps: -1, expected 0 to'",
    "eval, --calibration, nowhere.json, nowhere.json",
    "eval, --plots, nowhere.json, nowhere.json",
    "eval, --page, page.md, '--page: page.md, expected'",
  })
  void badInputIsNamedAndNothingWritten(String command, String option, String value, String text) {
    int code = value.equals("cuda") ? Failures.NO_BACKEND : Failures.BAD_INPUT;
    run(command, option, value).fails(code, text);
    assertThat(out).doesNotExist();
  }

  @Test
  void aFileIsNoFolderOfResults() throws IOException {
    Files.writeString(out, "mine");
    String complaint = "--out: " + out + ", expected a folder, or none yet";
    run("calibrate").fails(Failures.BAD_INPUT, complaint);
    run("eval").fails(Failures.BAD_INPUT, complaint);
    assertThat(out).hasContent("mine");
  }

  @Test
  void theCalibrationsSeedIsRefusedForEvaluation() throws IOException {
    calibrate();
    run("eval", "--seed", "2").fails(Failures.BAD_INPUT, "--seed: 2, expected another seed");
  }
}
