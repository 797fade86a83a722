package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunAttendTest {
  private static final int HISTORY = 21;
  private static final int FRESH = 6;
  private static final int DIM = 8;
  private static final int[] LENGTHS = {21, 4};
  private static final int[] NEW_LENGTHS = {6, 5};
  private static final int[] PARENTS = {-1, 0, 0, 1, -1, 4};

  @TempDir Path folder;
  private Path in = Path.of("");
  private Path out = Path.of("");

  @BeforeEach
  void files() {
    in = folder.resolve("in.safetensors");
    out = folder.resolve("out.safetensors");
  }

  private static TensorFiles tensors() {
    return new TensorFiles(11)
        .random("q", DType.BF16, 2, 2, FRESH, DIM)
        .random("k", DType.F16, 2, 1, HISTORY, DIM)
        .random("v", DType.F16, 2, 1, HISTORY, DIM)
        .random("k_new", DType.F16, 2, 1, FRESH, DIM)
        .random("v_new", DType.F16, 2, 1, FRESH, DIM)
        .longs("lengths", LENGTHS, 2)
        .ints("new_lengths", NEW_LENGTHS, 2)
        .ints("parent", PARENTS, FRESH);
  }

  private void attend(String backend, String... settings) {
    List<String> args = new ArrayList<>(List.of("run", "attend", "--backend", backend));
    args.addAll(List.of("--in", in.toString(), "--out", out.toString()));
    for (String setting : settings) {
      args.addAll(List.of("-s", setting));
    }
    Trimtab.run(args.toArray(String[]::new)).succeeds();
  }

  @ParameterizedTest
  @CsvSource({
    "scalar,none",
    "scalar,causal",
    "scalar,tree",
    "vector,none",
    "vector,causal",
    "vector,tree"
  })
  void agreesWithAPlainComputation(String backend, String mask) {
    TensorFiles tensors = tensors();
    tensors.write(in);
    attend(backend, "mask=" + mask, "page_tokens=16", "scale=0.9");
    assertThat(TensorFiles.describe(out, "out")).isEqualTo("F32[2, 2, 6, 8]");
    assertThat(TensorFiles.describe(out, "lse")).isEqualTo("F32[2, 2, 6]");
    double[] actual = TensorFiles.floats(out, "out");
    double[] lse = TensorFiles.floats(out, "lse");
    for (int query = 0; query < lse.length; query++) {
      int row = query / (2 * FRESH);
      int head = query / FRESH % 2;
      int i = query % FRESH;
      double[] expected = new double[DIM];
      double expectedLse = Double.NEGATIVE_INFINITY;
      if (i < NEW_LENGTHS[row]) {
        expectedLse = attendOne(tensors, row, head, i, mask, expected);
        assertThat(lse[query]).isCloseTo(expectedLse, Offset.offset(1e-5));
      } else {
        assertThat(lse[query]).isEqualTo(expectedLse);
      }
      for (int d = 0; d < DIM; d++) {
        assertThat(actual[query * DIM + d]).isCloseTo(expected[d], Offset.offset(1e-5));
      }
    }
  }

  /** Fills one query's output and returns its log-sum-exp. */
  private static double attendOne(
      TensorFiles tensors, int row, int head, int i, String mask, double[] result) {
    Tensor q = tensors.get("q");
    double[] old = Reference.logits(q, row, head, i, tensors.get("k"), 0, LENGTHS[row], 0.9);
    double[] fresh =
        Reference.logits(q, row, head, i, tensors.get("k_new"), 0, NEW_LENGTHS[row], 0.9);
    double sum = 0;
    for (int t = 0; t < old.length + fresh.length; t++) {
      boolean isOld = t < old.length;
      int token = isOld ? t : t - old.length;
      if (isOld || sees(mask, i, token)) {
        double weight = Math.exp(isOld ? old[t] : fresh[token]);
        Tensor v = tensors.get(isOld ? "v" : "v_new");
        for (int d = 0; d < DIM; d++) {
          result[d] += weight * v.floatAt(v.offset(row, 0, token, d));
        }
        sum += weight;
      }
    }
    for (int d = 0; d < DIM; d++) {
      result[d] /= sum;
    }
    return Math.log(sum);
  }

  private static boolean sees(String mask, int query, int token) {
    return switch (mask) {
      case "none" -> true;
      case "causal" -> token <= query;
      default -> token == query || (query >= 0 && sees(mask, PARENTS[query], token));
    };
  }

  @Test
  void withoutAKeyTheResultIsEmpty() {
    new TensorFiles(2)
        .random("q", DType.F32, 1, 2, 3, DIM)
        .random("k", DType.F32, 1, 1, 0, DIM)
        .random("v", DType.F32, 1, 1, 0, DIM)
        .write(in);
    attend("scalar");
    assertThat(TensorFiles.floats(out, "out")).containsOnly(0);
    assertThat(TensorFiles.floats(out, "lse")).containsOnly(Double.NEGATIVE_INFINITY);
  }
}
