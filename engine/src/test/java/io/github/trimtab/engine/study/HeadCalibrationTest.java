package io.github.trimtab.engine.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.var.Rollout;
import io.github.trimtab.engine.var.TinyModel;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.CapacityTable;
import io.github.trimtab.scalekv.OutputCorrection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeadCalibrationTest {
  private static final int TOKENS = 23;

  @TempDir Path folder;

  private final Kernels kernels = Backends.bestOnHost().hostKernels();
  private VarModel model;
  private CalibrationFile measured;

  @BeforeEach
  void load() throws IOException {
    TinyModel.write(folder);
    model = VarModel.load(folder);
    measured = new Calibrator(model, kernels, 1, 2, List.of(8), List.of(12)).run(done -> {});
  }

  private Run run(CapacityTable table) {
    return new Run(
        "r",
        "r",
        TOKENS,
        DType.F16,
        true,
        rows -> StudyRuns.accumulated(model.config().schedule(), table, rows));
  }

  @Test
  void budgetsKeepTheirSumAndRepeatAndPassesAreAsForetold() {
    HeadCalibration calibration = new HeadCalibration(model, kernels, 2, 2, 2);
    AtomicInteger passes = new AtomicInteger();
    HeadBudgets made = calibration.run(measured, HeadBudgets.none(), List.of(TOKENS), passes::set);
    assertThat(passes).hasValue(calibration.passes(1));
    HeadBudgets.Entry entry = made.at(TOKENS);
    CapacityTable start = StudyRuns.heads(model.config(), measured, TOKENS);
    assertThat(entry.table()).doesNotHaveToString(start.toString());
    for (int scale : entry.table().scales()) {
      assertThat(entry.table().total(scale)).isEqualTo(4L * TOKENS);
    }
    HeadBudgets.Entry again =
        calibration.run(measured, HeadBudgets.none(), List.of(TOKENS), p -> {}).at(TOKENS);
    assertThat(again.table()).hasToString(entry.table().toString());
    assertSame(again.correction(), entry.correction());
    // Without a search, budgets stay and only what corrects them is measured anew.
    HeadBudgets.Entry kept =
        new HeadCalibration(model, kernels, 4, 2, 0)
            .run(measured, made, List.of(TOKENS), p -> {})
            .at(TOKENS);
    assertThat(kept.table()).hasToString(entry.table().toString());
    assertSame(kept.correction(), entry.correction());
    assertThatThrownBy(() -> made.at(24))
        .hasMessage("tokens: 24, expected a calibrated budget, one of [23]");
  }

  private static void assertSame(OutputCorrection one, OutputCorrection other) {
    assertThat(one).hasToString(other.toString());
    assertThat(one.biases()).containsExactly(other.biases());
    assertThat(one.down()).containsExactly(other.down());
    assertThat(one.up()).containsExactly(other.up());
  }

  /** On the pictures that it was measured on, nothing is missing on average any more. */
  @Test
  void whatIsMissingOnAverageIsMadeUpFor() {
    HeadCalibrator calibrator = new HeadCalibrator(model, kernels, 1, 2, () -> {});
    CapacityTable table = StudyRuns.heads(model.config(), measured, TOKENS);
    HeadErrors before = missing(run(table), table);
    OutputCorrection fitted = calibrator.correction(table, 1);
    assertSame(before.fitted(), fitted);
    float largest = largest(before.means().biases());
    assertThat(largest).isGreaterThan(1e-3f);
    for (OutputCorrection correction : List.of(before.means(), fitted)) {
      HeadErrors after = missing(run(table).with(correction), table);
      assertThat(largest(after.means().biases())).isLessThan(1e-5f * largest + 1e-7f);
    }
  }

  /** What query and output said once, they do not say again: another fit finds much less. */
  @Test
  void whatQueriesAndOutputsTellIsTakenOff() {
    CapacityTable table = StudyRuns.heads(model.config(), measured, TOKENS);
    OutputCorrection first = missing(run(table), table).fitted();
    OutputCorrection second = missing(run(table).with(first), table).fitted();
    assertThat(largest(first.down())).isGreaterThan(1e-4f);
    assertThat(squares(second.down())).isLessThan(0.5 * squares(first.down()));
  }

  /** Of calibration's first picture. */
  private HeadErrors missing(Run forgetting, CapacityTable table) {
    int label = DrawnMaps.calibrationLabel(model.config().classes(), 0);
    HeadErrors errors = new HeadErrors(model.config(), table.scales().first() - 1);
    int rows = Rollout.rows(true);
    Run full = Run.full(model.config().schedule());
    try (Rollout rollout = Rollout.guided(model)) {
      TokenMaps given = new HeadCalibrator(model, kernels, 1, 2, () -> {}).maps(0);
      assertThat(given.label()).isEqualTo(label);
      try (PolicyCache whole = new PolicyCache(model.config(), kernels, full, rows);
          PolicyCache less = new PolicyCache(model.config(), kernels, forgetting, rows)) {
        rollout.run(
            label,
            (scale, logits, tokens) -> given.codes().get(scale),
            errors.measuring(whole, less));
      }
    }
    return errors;
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private static double squares(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    return sum;
  }

  @Test
  void theFileGivesBackWhatWasWritten() throws IOException {
    HeadBudgets made =
        new HeadCalibration(model, kernels, 1, 2, 0)
            .run(measured, HeadBudgets.none(), List.of(TOKENS, 45), p -> {});
    Path file = folder.resolve("heads.safetensors");
    made.write(file);
    HeadBudgets read = HeadBudgets.read(file, 5);
    assertThat(read.budgets().keySet()).containsExactly(TOKENS, 45);
    made.budgets()
        .forEach((tokens, entry) -> {
          assertThat(read.at(tokens).table()).hasToString(entry.table().toString());
          assertSame(read.at(tokens).correction(), entry.correction());
        });
    Path again = folder.resolve("again.safetensors");
    read.write(again);
    assertThat(again).hasSameBinaryContentAs(file);
    assertThatThrownBy(() -> HeadBudgets.read(file, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("capacities.")
        .hasMessageContaining("expected [1 to 1 scales, layers, heads]");
  }

  @Test
  void aFileOfAnotherFormIsNamed() throws IOException {
    refused(Map.of("capacities.5", new long[] {2, 3, 4}), "bias.5");
    refused(
        Map.of("capacities.5", new long[] {2, 3, 4}, "bias.5", new long[] {2, 2, 3, 1, 4}),
        "bias.5");
    refused(Map.of("capacities.5", new long[] {2, 3}), "capacities.5");
    refused(
        Map.of(
            "capacities.5",
            new long[] {2, 3, 4},
            "bias.5",
            new long[] {2, 2, 3, 4, 8},
            "up.5",
            new long[] {2, 3, 4, 5, 7},
            "down.5",
            new long[] {2, 3, 4, 16, 5}),
        "up.5");
    refused(
        Map.of(
            "capacities.5",
            new long[] {2, 3, 4},
            "bias.5",
            new long[] {2, 2, 3, 4, 8},
            "up.5",
            new long[] {2, 3, 4, 5, 8}),
        "down.5");
    Path empty = folder.resolve("empty.safetensors");
    SafetensorsWriter.write(empty, Map.of(), Map.of());
    assertThat(HeadBudgets.read(empty, 5).budgets()).isEmpty();
  }

  private void refused(Map<String, long[]> shapes, String named) throws IOException {
    Map<String, Tensor> tensors = new TreeMap<>();
    shapes.forEach((name, shape) -> {
      DType format = name.startsWith("capacities") ? DType.I32 : DType.F32;
      tensors.put(name, Tensor.allocate(format, shape));
    });
    Path file = folder.resolve("bad.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of());
    tensors.values().forEach(tensor -> tensor.buffer().close());
    assertThatThrownBy(() -> HeadBudgets.read(file, 5))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(named);
    Files.delete(file);
  }
}
