package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunEvictTest {
  private static final int HISTORY = 50;
  private static final int FRESH = 9;
  private static final int DIM = 16;

  @TempDir Path folder;
  private Path in = Path.of("");
  private Path out = Path.of("");

  @BeforeEach
  void files() {
    in = folder.resolve("in.safetensors");
    out = folder.resolve("out.safetensors");
  }

  private static TensorFiles tensors(DType dtype) {
    return new TensorFiles(3)
        .random("q", dtype, 2, 2, 4, DIM)
        .random("k", dtype, 2, 1, HISTORY, DIM)
        .random("v", dtype, 2, 1, HISTORY, DIM)
        .random("k_new", dtype, 2, 1, FRESH, DIM)
        .random("v_new", dtype, 2, 1, FRESH, DIM);
  }

  private void evict(String backend, Path to, String... settings) {
    List<String> args = new ArrayList<>(List.of("run", "evict", "--backend", backend));
    args.addAll(List.of("--in", in.toString(), "--out", to.toString()));
    for (String setting : settings) {
      args.addAll(List.of("-s", setting));
    }
    Trimtab.run(args.toArray(String[]::new)).succeeds();
  }

  /** New tokens count from N in files, however short a row's history is. */
  @Test
  void newTokensAreNumberedAfterTheHistoryTensor() {
    TensorFiles tensors =
        tensors(DType.F32)
            .longs("lengths", new int[] {3, 0}, 2)
            .longs("new_lengths", new int[] {2, 9}, 2)
            .longs("window", new int[] {51, 58}, 2, 1);
    tensors.write(in);
    evict("scalar", out, "capacity=6");
    long[] indices = TensorFiles.longs(out, "indices");
    assertThat(TensorFiles.describe(out, "indices")).isEqualTo("I64[2, 1, 6]");
    assertThat(indices).startsWith(0, 1, 2, 50, 51, -1);
    assertThat(indices[11]).isEqualTo(58);
    for (int place = 6; place < 12; place++) {
      assertThat(indices[place]).isBetween(50L, 58L);
    }
    checkContents(tensors, indices, 6, Offset.offset(0.0));
  }

  /** Kept keys and values equal the input's, and padding is 0. */
  private void checkContents(
      TensorFiles tensors, long[] indices, int places, Offset<Double> tolerance) {
    for (String name : List.of("k", "v")) {
      double[] kept = TensorFiles.floats(out, name);
      for (int i = 0; i < indices.length; i++) {
        for (int d = 0; d < DIM; d++) {
          double expected = 0;
          if (indices[i] >= 0) {
            boolean old = indices[i] < HISTORY;
            Tensor source = tensors.get(old ? name : name + "_new");
            long token = old ? indices[i] : indices[i] - HISTORY;
            expected = source.floatAt(source.offset(i / places, 0, token, d));
          }
          assertThat(kept[i * DIM + d]).isCloseTo(expected, tolerance);
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32,f32,F32,0",
    "F16,f16,F16,0",
    "BF16,bf16,BF16,0",
    "BF16,f32,F32,0",
    "F32,f16,F32,0.0005",
    "F32,bf16,F32,0.004",
    "F32,int8,F32,0.008",
    "BF16,fp8,F32,0.04",
  })
  void survivorsAreWhatPagesHold(DType given, String pages, String written, double error) {
    TensorFiles tensors = tensors(given);
    tensors.write(in);
    evict("scalar", out, "capacity=20", "kv_dtype=" + pages, "page_tokens=16", "mode=raw");
    assertThat(TensorFiles.describe(out, "k")).isEqualTo(written + "[2, 1, 20, 16]");
    assertThat(TensorFiles.describe(out, "v")).isEqualTo(written + "[2, 1, 20, 16]");
    long[] indices = TensorFiles.longs(out, "indices");
    assertThat(indices).doesNotContain(-1);
    checkContents(tensors, indices, 20, Offset.offset(error));
  }

  @ParameterizedTest
  @CsvSource({"f32,raw", "bf16,softmax", "fp8,raw", "int8,softmax"})
  void bothBackendsWriteTheSameBytes(String pages, String mode) throws IOException {
    tensors(DType.F32).ints("window", new int[] {0, 55, 20}, 3).write(in);
    Path other = folder.resolve("vector.safetensors");
    String[] settings = {"capacity=23", "kv_dtype=" + pages, "mode=" + mode, "pool=max"};
    evict("scalar", out, settings);
    evict("vector", other, settings);
    assertThat(Files.mismatch(out, other)).isEqualTo(-1);
  }

  @Test
  void pageSizesChangeNothing() throws IOException {
    tensors(DType.BF16).write(in);
    evict("scalar", out, "capacity=20");
    byte[] expected = Files.readAllBytes(out);
    for (String tokens : List.of("16", "32", "128")) {
      evict("scalar", out, "capacity=20", "page_tokens=" + tokens);
      assertThat(out).hasBinaryContent(expected);
    }
  }

  @Test
  void withoutNewTokensOnlyHistoryIsKept() {
    new TensorFiles(5)
        .random("q", DType.F32, 1, 1, 2, DIM)
        .random("k", DType.F32, 1, 1, 4, DIM)
        .random("v", DType.F32, 1, 1, 4, DIM)
        .write(in);
    evict("scalar", out, "capacity=9");
    assertThat(TensorFiles.longs(out, "indices")).containsExactly(0, 1, 2, 3);
  }

  @Test
  void historyMayBeEmpty() {
    new TensorFiles(5)
        .random("q", DType.F32, 1, 1, 2, DIM)
        .random("k", DType.F32, 1, 1, 0, DIM)
        .random("v", DType.F32, 1, 1, 0, DIM)
        .random("k_new", DType.F32, 1, 1, 3, DIM)
        .random("v_new", DType.F32, 1, 1, 3, DIM)
        .write(in);
    evict("scalar", out, "capacity=2");
    assertThat(TensorFiles.longs(out, "indices")).hasSize(2).doesNotContain(-1);
    evict("scalar", out, "capacity=0");
    assertThat(TensorFiles.describe(out, "k")).isEqualTo("F32[1, 1, 0, 16]");
  }
}
