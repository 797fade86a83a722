package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RunHeadTest {
  @TempDir Path folder;

  private Trimtab run(String operation, TensorFiles tensors, String... settings) {
    Path in = tensors.write(folder.resolve("in.safetensors"));
    List<String> args =
        new ArrayList<>(
            List.of("run", operation, "--in", in.toString(), "--out", out().toString()));
    for (String setting : settings) {
      boolean backend = setting.equals("scalar") || setting.equals("vector");
      args.addAll(backend ? List.of("--backend", setting) : List.of("-s", setting));
    }
    return Trimtab.run(args.toArray(String[]::new));
  }

  private Path out() {
    return folder.resolve("out.safetensors");
  }

  /** Two vectors over four rows, of which three are kept. */
  private static TensorFiles small() {
    return new TensorFiles(0)
        .floats("hidden", new float[] {1, 2, 0, -1}, 2, 2)
        .floats("weight", new float[] {1, 1, 5, 5, 3, 0, 1, 1}, 4, 2)
        .longs("ids", new int[] {3, 2, 0}, 3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void theThreeEpilogues(String backend) {
    run("head", small(), backend).succeeds();
    assertThat(TensorFiles.floats(out(), "logits")).containsExactly(3, 3, 3, -1, 0, -1);
    assertThat(TensorFiles.describe(out(), "logits")).isEqualTo("F32[2, 3]");

    run("head", small(), backend, "epilogue=argmax", "pack=true").succeeds();
    assertThat(TensorFiles.longs(out(), "ids")).containsExactly(3, 2);
    assertThat(TensorFiles.floats(out(), "values")).containsExactly(3, 0);
    assertThat(TensorFiles.describe(out(), "ids")).isEqualTo("I64[2]");

    run("head", small(), backend, "epilogue=topk", "top=2").succeeds();
    assertThat(TensorFiles.longs(out(), "ids")).containsExactly(3, 2, 2, 3);
    assertThat(TensorFiles.floats(out(), "values")).containsExactly(3, 3, 0, -1);
    assertThat(TensorFiles.floats(out(), "logsumexp")[0]).isEqualTo((float) (3 + Math.log(3)));
    assertThat(TensorFiles.describe(out(), "values")).isEqualTo("F32[2, 2]");
  }

  /** A quantised head is the F32 head over quantize's output, bit for bit, gathered or packed. */
  @ParameterizedTest
  @CsvSource({
    "fp8, F32, 64",
    "int8, BF16, 64",
    "int4, F16, 64",
    "bf16, F32, 64",
    "int8, F32, 192",
    "f32, BF16, 64"
  })
  void aQuantizedHeadIsTheHeadOfItsRows(String rows, DType given, int group) {
    Tensor ids = Tensors.zeros(DType.I32, 40);
    for (int i = 0; i < 40; i++) {
      ids.setIntegerAt(4L * i, 99 - 2 * i);
    }
    TensorFiles tensors =
        new TensorFiles(3)
            .random("weight", given, 100, 192)
            .random("hidden", DType.BF16, 5, 192)
            .put("ids", ids);
    String[] settings = {"rows=" + rows, "group=" + group};
    run("quantize", tensors, settings).succeeds();
    double[] weight = TensorFiles.floats(out(), "weight");
    assertThat(TensorFiles.describe(out(), "weight")).isEqualTo("F32[100, 192]");
    long bits = List.of("fp8", "int8").contains(rows) ? 8 : rows.equals("int4") ? 4 : 0;
    if (bits > 0) {
      long scales = rows.equals("fp8") ? 1 : 192 / group;
      assertThat(TensorFiles.longs(out(), "bytes"))
          .containsExactly(100 * 192 * bits / 8 + 100 * 2 * scales);
    }
    float[] floats = new float[weight.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) weight[i];
    }
    TensorFiles wide =
        new TensorFiles(0)
            .floats("weight", floats, 100, 192)
            .put("hidden", tensors.get("hidden"))
            .put("ids", ids);
    run("head", wide).succeeds();
    double[] expected = TensorFiles.floats(out(), "logits");
    for (String backend : new String[] {"scalar", "vector"}) {
      for (String pack : new String[] {"pack=true", "pack=false"}) {
        run("head", tensors, backend, pack, settings[0], settings[1]).succeeds();
        assertThat(TensorFiles.floats(out(), "logits")).isEqualTo(expected);
      }
    }
  }

  @Test
  void badInputIsNamed() {
    run("head", small().longs("ids", new int[] {0, 1, 4}, 3))
        .fails(2, "tensor ids[2]: 4, expected 0 to 3");
    run("head", small().longs("ids", new int[] {1, 2, 1}, 3))
        .fails(2, "tensor ids[2]: 1 a second time");
    run("head", small(), "epilogue=topk", "top=4").fails(2, "-s top: 4, expected", "1 to 3");
    run("head", small(), "epilogue=topk").fails(2, "-s top: 10, expected", "1 to 3");
    run("head", small(), "rows=int8").fails(2, "-s group: 128", "divisor of the row's 2 elements");
    run("head", small(), "rows=int7").fails(2, "-s rows: int7");
    run("head", small(), "epilogue=softmax").fails(2, "-s epilogue: softmax");
    run("head", small().longs("ids", new int[0], 0), "epilogue=argmax").fails(2, "tensor ids");
    run("head", small().random("hidden", DType.F32, 65, 2)).fails(2, "tensor hidden", "64");
    run("head", small().random("hidden", DType.F32, 2, 3)).fails(2, "tensor hidden", "d=2");
    run("quantize", new TensorFiles(0).random("weight", DType.F32, 4, 3), "rows=int4", "group=3")
        .fails(2, "3, expected an even number for INT4");
    assertThat(out()).doesNotExist();
  }

  @Test
  void noIdsGiveNoLogits() {
    run("head", small().longs("ids", new int[0], 0)).succeeds();
    assertThat(TensorFiles.describe(out(), "logits")).isEqualTo("F32[2, 0]");
  }
}
