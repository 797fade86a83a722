package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
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

/** {@code run columnsums} and {@code run selectivity}. */
class RunSoftmaxTest {
  private static final int ROWS = 2;
  private static final int HEADS = 4;
  private static final int GROUPS = 2;
  private static final int QUERIES = 5;
  private static final int TOKENS = 41;
  private static final int DIM = 24;
  private static final int HISTORY = TOKENS - QUERIES;

  @TempDir Path folder;

  private static TensorFiles tensors(DType dtype) {
    return new TensorFiles(11)
        .random("q", dtype, ROWS, HEADS, QUERIES, DIM)
        .random("k", dtype, ROWS, GROUPS, TOKENS, DIM);
  }

  private Trimtab run(String op, TensorFiles tensors, String backend, String... settings) {
    Path in = tensors.write(folder.resolve("in.safetensors"));
    List<String> args = new ArrayList<>(List.of("run", op, "--in", in.toString()));
    args.addAll(List.of("--out", out(backend).toString(), "--backend", backend));
    for (String setting : settings) {
      args.addAll(List.of("-s", setting));
    }
    return Trimtab.run(args.toArray(String[]::new));
  }

  private Path out(String backend) {
    return folder.resolve(backend + ".safetensors");
  }

  @ParameterizedTest
  @CsvSource({"F32,none", "BF16,causal", "F16,none"})
  void columnSums(DType dtype, String mask) throws IOException {
    int[] lengths = {TOKENS, 23};
    int[] queries = {QUERIES, 2};
    TensorFiles tensors =
        tensors(dtype).longs("lengths", lengths, ROWS).ints("new_lengths", queries, ROWS);
    run("columnsums", tensors, "scalar", "mask=" + mask, "scale=0.9").succeeds();
    run("columnsums", tensors, "vector", "mask=" + mask, "scale=0.9").succeeds();
    assertThat(Files.mismatch(out("scalar"), out("vector"))).isEqualTo(-1);
    assertThat(TensorFiles.describe(out("scalar"), "sums")).isEqualTo("F32[2, 2, 41]");
    double[] expected = new double[ROWS * GROUPS * TOKENS];
    for (int row = 0; row < ROWS; row++) {
      for (int head = 0; head < HEADS; head++) {
        for (int i = 0; i < queries[row]; i++) {
          int last = mask.equals("none") ? lengths[row] - 1 : lengths[row] - queries[row] + i;
          double[] weights = weights(tensors, row, head, i, lengths[row], last);
          for (int t = 0; t < weights.length; t++) {
            expected[(row * GROUPS + head / 2) * TOKENS + t] += weights[t] / 2;
          }
        }
      }
    }
    assertThat(TensorFiles.floats(out("scalar"), "sums")).containsExactly(expected, within(1e-5));
  }

  private static double[] weights(
      TensorFiles tensors, int row, int head, int i, int count, int last) {
    Tensor q = tensors.get("q");
    double[] logits = Reference.logits(q, row, head, i, tensors.get("k"), head / 2, count, 0.9);
    return Reference.softmax(logits, t -> t <= last);
  }

  @ParameterizedTest
  @CsvSource({"F32,1", "BF16,7", "F16,1000"})
  void selectivity(DType dtype, int top) throws IOException {
    TensorFiles tensors = tensors(dtype);
    run("selectivity", tensors, "scalar", "top=" + top, "scale=0.9").succeeds();
    run("selectivity", tensors, "vector", "top=" + top, "scale=0.9").succeeds();
    assertThat(Files.mismatch(out("scalar"), out("vector"))).isEqualTo(-1);
    double current = 0;
    double history = 0;
    for (int row = 0; row < ROWS; row++) {
      for (int head = 0; head < HEADS; head++) {
        for (int i = 0; i < QUERIES; i++) {
          double[] weights = weights(tensors, row, head, i, TOKENS, TOKENS);
          current += Arrays.stream(weights, HISTORY, TOKENS).sum();
          double[] sorted = Arrays.stream(weights, 0, HISTORY).map(w -> -w).sorted().toArray();
          history -= Arrays.stream(sorted).limit(top).sum();
        }
      }
    }
    int all = ROWS * HEADS * QUERIES;
    assertOutput(current / all, history / all);
  }

  private void assertOutput(double current, double history) {
    assertThat(TensorFiles.describe(out("scalar"), "selectivity")).isEqualTo("F32[1]");
    assertThat(TensorFiles.floats(out("scalar"), "current"))
        .containsExactly(new double[] {current}, within(1e-5));
    assertThat(TensorFiles.floats(out("scalar"), "history_top"))
        .containsExactly(new double[] {history}, within(1e-5));
    assertThat(TensorFiles.floats(out("scalar"), "selectivity"))
        .containsExactly(new double[] {current * history}, within(1e-5));
  }

  /** A map alone has no history, and a row whose history is padding is like a row without. */
  @Test
  void selectivityWithoutHistory() {
    run("selectivity", tensors(DType.F32).longs("lengths", new int[2], ROWS), "scalar", "top=3")
        .succeeds();
    assertOutput(1, 0);
    TensorFiles alone =
        new TensorFiles(2)
            .random("q", DType.F32, 1, 2, 4, DIM)
            .random("k", DType.F32, 1, 2, 4, DIM);
    run("selectivity", alone, "scalar", "top=3").succeeds();
    assertOutput(1, 0);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "selectivity||-s top: missing, expected an integer of 1 or more",
        "selectivity|top=0|-s top: 0, expected an integer from 1",
        "selectivity|mask=none|-s: mask=none, expected one of the keys precision, scale, top",
        "columnsums|mask=tree|-s mask: tree, expected one of causal, none",
        "columnsums|scale=inf|-s scale: inf, expected a finite number",
      })
  void badSettings(String op, String setting, String message) {
    String[] settings = setting == null ? new String[0] : new String[] {setting};
    run(op, tensors(DType.F32), "scalar", settings).fails(2, message);
    assertThat(out("scalar")).doesNotExist();
  }

  @Test
  void badTensors() {
    TensorFiles few =
        new TensorFiles(3)
            .random("q", DType.F32, 1, 2, 4, DIM)
            .random("k", DType.F32, 1, 2, 3, DIM);
    run("selectivity", few, "scalar", "top=1")
        .fails(2, "tensor k: shape [1, 2, 3, 24], expected at least 4 for N+M");
    run("columnsums", tensors(DType.F32).longs("lengths", new int[] {42, 1}, ROWS), "scalar")
        .fails(2, "tensor lengths[0]: 42, expected 0 to 41");
    run(
            "selectivity",
            tensors(DType.F32).longs("lengths", new int[] {1, 37}, ROWS),
            "scalar",
            "top=1")
        .fails(2, "tensor lengths[1]: 37, expected 0 to 36");
    assertThat(out("scalar")).doesNotExist();
  }
}
