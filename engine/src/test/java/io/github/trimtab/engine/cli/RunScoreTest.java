package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunScoreTest {
  private static final int ROWS = 2;
  private static final int HEADS = 4;
  private static final int GROUPS = 2;
  private static final int QUERIES = 3;
  private static final int TOKENS = 37;
  private static final int DIM = 24;
  private static final int[] LENGTHS = {37, 20};
  private static final int[] WINDOW = {4, 19};

  @TempDir Path folder;
  private Path in = Path.of("");
  private Path out = Path.of("");

  @BeforeEach
  void files() {
    in = folder.resolve("in.safetensors");
    out = folder.resolve("out.safetensors");
  }

  private TensorFiles tensors(DType dtype) {
    return new TensorFiles(7)
        .random("q", dtype, ROWS, HEADS, QUERIES, DIM)
        .random("k", dtype, ROWS, GROUPS, TOKENS, DIM)
        .longs("lengths", LENGTHS, ROWS)
        .ints("window", WINDOW, WINDOW.length);
  }

  private void score(String backend, Path to, String... settings) {
    String[] args = {"run", "score", "--in", in.toString(), "--out", to.toString(), "--backend"};
    String[] all = Arrays.copyOf(args, args.length + 1 + 2 * settings.length);
    all[args.length] = backend;
    for (int i = 0; i < settings.length; i++) {
      all[args.length + 1 + 2 * i] = "-s";
      all[args.length + 2 + 2 * i] = settings[i];
    }
    Trimtab.run(all).succeeds();
  }

  @ParameterizedTest
  @CsvSource({
    "F32,raw,none,max,5",
    "BF16,raw,none,avg,3",
    "F16,softmax,none,avg,5",
    "F32,softmax,causal,max,1",
    "BF16,softmax,causal,avg,7",
  })
  void agreesWithAPlainComputation(DType dtype, String mode, String mask, String pool, int width) {
    TensorFiles tensors = tensors(dtype);
    tensors.write(in);
    score(
        "scalar",
        out,
        "mode=" + mode,
        "mask=" + mask,
        "pool=" + pool,
        "pool_width=" + width,
        "scale=0.7");
    assertThat(TensorFiles.describe(out, "scores")).isEqualTo("F32[2, 2, 37]");
    double[] actual = TensorFiles.floats(out, "scores");
    double[] expected = expected(tensors, mode, mask.equals("causal"), pool.equals("max"), width);
    for (int i = 0; i < expected.length; i++) {
      if (Double.isInfinite(expected[i])) {
        assertThat(actual[i]).as("place %d", i).isEqualTo(expected[i]);
      } else {
        assertThat(actual[i]).as("place %d", i).isCloseTo(expected[i], Offset.offset(2e-5));
      }
    }
  }

  private static double[] expected(
      TensorFiles tensors, String mode, boolean causal, boolean max, int width) {
    Tensor q = tensors.get("q");
    double[] all = new double[ROWS * GROUPS * TOKENS];
    Arrays.fill(all, Double.NEGATIVE_INFINITY);
    for (int row = 0; row < ROWS; row++) {
      int count = LENGTHS[row];
      for (int group = 0; group < GROUPS; group++) {
        double[] sums = new double[count];
        for (int head = 2 * group; head < 2 * group + 2; head++) {
          for (int i = 0; i < QUERIES; i++) {
            double[] logits =
                Reference.logits(q, row, head, i, tensors.get("k"), group, count, 0.7);
            int last = causal ? count - QUERIES + i : count - 1;
            double[] part = mode.equals("raw") ? logits : Reference.softmax(logits, t -> t <= last);
            Arrays.setAll(sums, t -> sums[t] + part[t] / 2);
          }
        }
        double[] pooled = Reference.pool(sums, WINDOW, max, width);
        System.arraycopy(pooled, 0, all, (row * GROUPS + group) * TOKENS, count);
      }
    }
    return all;
  }

  @ParameterizedTest
  @CsvSource({"raw,max", "softmax,avg"})
  void bothBackendsWriteTheSameBytes(String mode, String pool) throws IOException {
    tensors(DType.BF16).write(in);
    score("scalar", out, "mode=" + mode, "pool=" + pool);
    Path other = folder.resolve("vector.safetensors");
    score("vector", other, "mode=" + mode, "pool=" + pool);
    assertThat(Files.mismatch(out, other)).isEqualTo(-1);
  }

  @Test
  void newLengthsCountTheValidQueries() throws IOException {
    tensors(DType.F32).longs("new_lengths", new int[] {QUERIES, QUERIES}, ROWS).write(in);
    score("scalar", out);
    byte[] all = Files.readAllBytes(out);
    tensors(DType.F32).write(in);
    score("scalar", out);
    assertThat(out).hasBinaryContent(all);
    tensors(DType.F32).longs("new_lengths", new int[] {QUERIES, 0}, ROWS).write(in);
    score("scalar", out, "mode=raw");
    double[] scores = TensorFiles.floats(out, "scores");
    // Row 1 has no query: every sum is empty.
    assertThat(scores[GROUPS * TOKENS]).isZero();
    assertThat(scores[0]).isNotZero();
  }

  @Test
  void windowPlacesMayBeEmptyWhereRowsHaveTheirOwn() {
    tensors(DType.F32).longs("window", new int[] {4, 19, -1, -1}, ROWS, 2).write(in);
    score("scalar", out);
    double[] scores = TensorFiles.floats(out, "scores");
    assertThat(scores[4]).isEqualTo(Double.NEGATIVE_INFINITY);
    assertThat(scores[GROUPS * TOKENS + 4]).isFinite();
  }

  @Test
  void noKeysGiveNoScores() {
    new TensorFiles(1)
        .random("q", DType.F32, ROWS, HEADS, QUERIES, DIM)
        .random("k", DType.F32, ROWS, GROUPS, 0, DIM)
        .write(in);
    score("scalar", out);
    assertThat(TensorFiles.describe(out, "scores")).isEqualTo("F32[2, 2, 0]");
  }
}
