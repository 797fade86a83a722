package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunSelectTest {
  private static final float INFINITY = Float.POSITIVE_INFINITY;

  @TempDir Path folder;

  private long[] select(TensorFiles tensors, String backend, int keep) {
    Path in = tensors.write(folder.resolve("in.safetensors"));
    Path out = folder.resolve("out.safetensors");
    Trimtab.run(
            "run",
            "select",
            "--backend",
            backend,
            "--in",
            in.toString(),
            "--out",
            out.toString(),
            "-s",
            "keep=" + keep)
        .succeeds();
    return TensorFiles.longs(out, "indices");
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void theHighestScoresAndTheWindowStay(String backend) {
    float[] scores = {1, 5, 5, 5, Float.NaN, -INFINITY, 0, -0f};
    assertThat(select(new TensorFiles(0).floats("scores", scores, 1, 1, 8), backend, 2))
        .containsExactly(1, 2);
    assertThat(
            select(
                new TensorFiles(0)
                    .floats("scores", scores, 1, 1, 8)
                    .ints("window", new int[] {4}, 1),
                backend,
                4))
        .containsExactly(0, 1, 2, 3, 4);
    assertThat(select(new TensorFiles(0).floats("scores", scores, 1, 1, 8), backend, 7))
        .containsExactly(0, 1, 2, 3, 5, 6, 7);
    assertThat(
            select(
                new TensorFiles(0)
                    .floats("scores", scores, 1, 1, 8)
                    .longs("window", new int[] {7, 0}, 2),
                backend,
                0))
        .containsExactly(0, 7);
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void rowsWithFewerTokensKeepThemAll(String backend) {
    TensorFiles tensors =
        new TensorFiles(0)
            .floats("scores", new float[] {3, 1, 2, 9, 3, 1, 2, 9}, 2, 1, 4)
            .longs("lengths", new int[] {4, 1}, 2)
            .longs("window", new int[] {1, -1, 0, -1}, 2, 2);
    assertThat(select(tensors, backend, 1)).containsExactly(1, 3, -1, 0, -1, -1);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, Integer.MAX_VALUE})
  void moreThanThereIsKeepsAll(int keep) {
    float[] scores = {1, 2, 3};
    long[] indices = select(new TensorFiles(0).floats("scores", scores, 1, 1, 3), "scalar", keep);
    assertThat(indices).hasSize(Math.min(keep, 3));
    assertThat(select(new TensorFiles(0).floats("scores", new float[0], 2, 1, 0), "scalar", keep))
        .isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"F16", "BF16"})
  void narrowScoresAreWidened(DType dtype) {
    Tensor scores = Tensors.zeros(dtype, 1, 1, 3);
    scores.setFloatAt(0, 0.5f);
    scores.setFloatAt(4, 2f);
    assertThat(select(new TensorFiles(0).put("scores", scores), "scalar", 2)).containsExactly(0, 2);
  }
}
