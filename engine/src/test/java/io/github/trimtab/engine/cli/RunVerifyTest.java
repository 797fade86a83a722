package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Four ids, of which 2 and 0 are kept; every outcome is worked out by hand. */
class RunVerifyTest {
  private static final float[] ROW = {0.5f, 0f, 0.25f, 0.25f};
  private static final float[] DRAFT = {0.75f, 0.25f};

  @TempDir Path folder;

  private static float[] repeated(float[] row, int times) {
    float[] rows = new float[row.length * times];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = row[i % row.length];
    }
    return rows;
  }

  /** Two rows of two drafts: 2 then 0, and 0 then 2. */
  private static TensorFiles chain() {
    return new TensorFiles(0)
        .floats("target", repeated(ROW, 6), 2, 3, 4)
        .floats("draft", repeated(DRAFT, 4), 2, 2, 2)
        .ints("ids", new int[] {2, 0}, 2)
        .longs("tokens", new int[] {2, 0, 0, 2}, 2, 2)
        // 2 is accepted below 1/3, 0 always.
        .floats("accept_u", new float[] {0.25f, 0.875f, 0.5f, 0.75f}, 2, 2)
        .floats("sample_u", new float[] {0.6f, 0.5f}, 2);
  }

  private Trimtab run(TensorFiles tensors, String method, String backend) {
    return Trimtab.run(
        "run",
        "verify",
        "--backend",
        backend,
        "--in",
        tensors.write(folder.resolve("in.safetensors")).toString(),
        "--out",
        folder.resolve("out.safetensors").toString(),
        "-s",
        "method=" + method);
  }

  private long[] result(String name) {
    return TensorFiles.longs(folder.resolve("out.safetensors"), name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void chainAcceptsReplacesAndAddsOne(String backend) {
    run(chain(), "chain", backend).succeeds();
    // Both accepted, 2 drawn; then 0 accepted, 2 rejected and drawn from (0.25, 0, 0, 0.25).
    assertThat(result("tokens")).containsExactly(2, 0, 2, 0, 3, -1);
    assertThat(result("accepted")).containsExactly(2, 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void greedyFollowsTheHighest(String backend) {
    run(chain(), "greedy", backend).succeeds();
    assertThat(result("tokens")).containsExactly(0, -1, -1, 0, 0, -1);
    assertThat(result("accepted")).containsExactly(0, 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void treeDescendsWhereAChildHoldsTheDraw(String backend) {
    TensorFiles tensors =
        new TensorFiles(0)
            .floats("target", repeated(ROW, 8), 2, 4, 4)
            .ints("parent", new int[] {-1, -1, 1, -1, 0, 0}, 2, 3)
            .ints("tokens", new int[] {3, 2, 0, 0, 3, 2}, 2, 3)
            .floats("sample_u", new float[] {0.5f, 0, 0.4f, 0.9f, 0, 0.3f, 0, 0}, 2, 4);
    run(tensors, "tree", backend).succeeds();
    assertThat(result("tokens")).containsExactly(2, 0, 3, -1, 0, 0, -1, -1);
    assertThat(result("accepted")).containsExactly(2, 1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void multiroundTriesSiblingsInTurn(String backend) {
    TensorFiles tensors =
        new TensorFiles(0)
            .floats("target", repeated(ROW, 3), 3, 4)
            .floats("draft", repeated(DRAFT, 3), 3, 2)
            .ints("ids", new int[] {2, 0}, 2)
            .ints("tokens", new int[] {2, 0, 2, 0, 2, 0}, 3, 2)
            // After 2 is rejected p is (0.5, 0, 0, 0.5) and q is 0 alone.
            .floats("accept_u", new float[] {0.25f, 0.9f, 0.5f, 0.49f, 0.5f, 0.5f}, 3, 2)
            .floats("sample_u", new float[] {0, 0, 0}, 3);
    run(tensors, "multiround", backend).succeeds();
    assertThat(result("tokens")).containsExactly(2, 0, 3);
    assertThat(result("accepted")).containsExactly(0, 1, -1);
    assertThat(TensorFiles.describe(folder.resolve("out.safetensors"), "tokens"))
        .isEqualTo("I64[3, 1]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void badNumbersNameTheirTensor(String backend) {
    fails(backend, chain().floats("accept_u", new float[] {0, 0, 1, 0}, 2, 2), "accept_u[1, 0]: 1");
    fails(backend, chain().floats("sample_u", new float[] {0, -1}, 2), "sample_u[1]: -1");
    fails(backend, chain().ints("ids", new int[] {2, 2}, 2), "ids[1]: 2", "all differ");
    fails(backend, chain().ints("ids", new int[] {2, 4}, 2), "ids[1]: 4", "0 to 3");
    fails(
        backend, chain().longs("tokens", new int[] {2, 0, 1, 2}, 2, 2), "tokens[1, 0]: 1", "kept");
    fails(backend, chain().floats("draft", new float[8], 2, 2, 2), "draft[0, 0]: sum: 0.0");
    fails(
        backend,
        chain().floats("draft", repeated(new float[] {1, 0}, 4), 2, 2, 2),
        "tokens[0, 1]: 0",
        "draft probability above 0");
    float[] negative = repeated(ROW, 6);
    negative[13] = -0.001f;
    fails(backend, chain().floats("target", negative, 2, 3, 4), "target[1, 0, 1]: -0.001");
    fails(backend, chain().floats("target", new float[16], 2, 2, 4), "target: F32[2, 2, 4]");
  }

  private void fails(String backend, TensorFiles tensors, String... texts) {
    run(tensors, "chain", backend).fails(Failures.BAD_INPUT, texts);
    assertThat(Files.exists(folder.resolve("out.safetensors"))).isFalse();
  }

  @Test
  void badFilesAndSettings() {
    fails("scalar", chain().floats("ids", new float[] {2, 0}, 2), "tensor ids: F32");
    Tensor half = Tensors.zeros(DType.F16, 2, 2, 2);
    fails("scalar", chain().put("draft", half), "tensor draft: F16, expected dtype F32");
    Tensor huge = Tensors.zeros(DType.I64, 2, 2);
    huge.setIntegerAt(8, 1L << 32);
    fails("scalar", chain().put("tokens", huge), "tensor tokens, element 1: 4294967296");
    fails("scalar", new TensorFiles(0), "tensor tokens: missing");
    run(chain(), "typical", "scalar").fails(Failures.BAD_INPUT, "-s method: typical", "chain");
  }
}
