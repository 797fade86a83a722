package io.github.trimtab.engine.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.var.TinyModel;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationTest {

  @TempDir Path folder;

  private final Kernels kernels = Backends.bestOnHost().hostKernels();
  private VarModel model;
  private CalibrationFile calibration;
  private HeadBudgets heads = HeadBudgets.none();

  @BeforeEach
  void calibrate() throws IOException {
    TinyModel.write(folder);
    model = VarModel.load(folder);
    calibration =
        new Calibrator(model, kernels, 2, 2, List.of(8, 20), List.of(12, 60)).run(done -> {});
    // 20 and 10 % of the 225 tokens that the last scale sees.
    heads =
        new HeadCalibration(model, kernels, 2, 2, 1)
            .run(calibration, HeadBudgets.none(), List.of(45, 23), done -> {});
  }

  private Evaluation evaluation(List<String> policies) {
    Evaluation.Plan plan =
        new Evaluation.Plan(3, 0, 2, List.of(20, 10), List.of(20, 10), policies, true, 1);
    return new Evaluation(model, kernels, folder, calibration, heads, plan);
  }

  private StudyResults evaluate(Path records, List<String> policies) throws IOException {
    return evaluation(policies).run(records, (total, done) -> {});
  }

  @Test
  void everyPolicyIsMeasuredAtEveryBudgetAndRemembersWithinIt() throws IOException {
    StudyResults results = evaluate(folder.resolve("records"), Evaluation.policyNames());
    RunResult full = results.run(PictureStudy.NAME, "full@100").orElseThrow();
    List<String> possible = new ArrayList<>(Evaluation.policyNames());
    possible.remove("heatkv");
    assertThat(evaluation(Evaluation.policyNames()).omitted())
        .hasSize(2)
        .allMatch(reason -> reason.startsWith("heatkv at"))
        .allMatch(reason -> reason.endsWith("expected at least the 81 of the first scales"));
    for (String policy : possible) {
      for (int percent : List.of(20, 10)) {
        String id = policy + "@" + percent;
        RunResult maps = results.run(StudyRuns.DRAWN, id).orElseThrow();
        assertThat(maps.values("kl")).as(id).hasSize(3).doesNotContain(0);
        assertThat(maps.scales())
            .hasEntrySatisfying(
                "kl", kl -> assertThat(kl.getFirst().mean()).as(id).isCloseTo(0, within(1e-6)));
        RunResult pictures = results.run(PictureStudy.NAME, id).orElseThrow();
        assertThat(pictures.values("psnr")).as(id).hasSize(2);
        assertThat(pictures.statistic("bytes").mean())
            .as(id)
            .isLessThan(full.statistic("bytes").mean());
      }
    }
    RunResult wide = results.run(StudyRuns.DRAWN, "full@100+int8").orElseThrow();
    assertThat(wide.statistic("kl").mean()).isBetween(0.0, 0.005);
    assertThat(results.run(StudyRuns.DRAWN, "scalekv, queries 9@10")).isPresent();
  }

  @Test
  void aStoppedStudyGoesOnAndEndsAsIfItHadNotBeenStopped() throws IOException {
    List<String> policies = List.of("sliding-window", "scalekv");
    Path records = folder.resolve("records");
    StudyResults whole = evaluate(records, policies);
    List<String> lines = Files.readAllLines(records);
    Files.writeString(
        records, String.join("\n", lines.subList(0, lines.size() / 2)) + "\n{\"set\":\"dra");
    StudyResults resumed = evaluate(records, policies);
    assertThat(withoutSeconds(resumed)).isEqualTo(withoutSeconds(whole));
    assertThat(Files.readAllLines(records)).hasSameSizeAs(lines);
    Files.writeString(records, "no measurement\n");
    assertThatThrownBy(() -> evaluate(records, policies))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("line 1");
  }

  private static List<String> ids(StudyResults results) {
    return results.runs().stream().map(RunResult::id).toList();
  }

  private static String withoutSeconds(StudyResults results) {
    return results.format().replaceAll("\"seconds\":\\{[^}]*\\}", "");
  }

  @Test
  void resultsAndCalibrationSurviveTheirFiles() throws IOException {
    StudyResults results = evaluate(folder.resolve("records"), List.of("sliding-window", "snapkv"));
    Path file = Files.writeString(folder.resolve("study.json"), results.format());
    StudyResults read = StudyResults.read(file);
    assertThat(read.runs()).extracting(RunResult::id).isEqualTo(ids(results));
    double[] exact = results.runs().getLast().values("psnr");
    assertThat(read.runs().getLast().values("psnr")).containsExactly(exact, within(1e-3));
    // What was rounded once is not rounded again.
    Files.writeString(file, read.format());
    assertThat(StudyResults.read(file).format()).isEqualTo(read.format());
    Path measured = Files.writeString(folder.resolve("scalekv.json"), calibration.format());
    assertThat(CalibrationFile.read(measured).format()).isEqualTo(calibration.format());
  }

  @Test
  void calibrationAndEvaluationShareNoClass() {
    for (int map = 0; map < 400; map++) {
      assertThat(DrawnMaps.calibrationLabel(179, map)).isBetween(0, 178).matches(l -> l % 2 == 1);
      assertThat(DrawnMaps.evaluationLabel(179, map)).isBetween(0, 178).matches(l -> l % 2 == 0);
    }
    assertThat(IntStream.range(0, 90).map(map -> DrawnMaps.evaluationLabel(179, map)).distinct())
        .hasSize(90);
  }
}
