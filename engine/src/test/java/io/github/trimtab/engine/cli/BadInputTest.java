package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wrong input ends with exit code 2 and one line, and leaves no file behind. */
class BadInputTest {
  @TempDir Path folder;

  private static TensorFiles good() {
    return new TensorFiles(1)
        .random("q", DType.F32, 2, 4, 3, 16)
        .random("k", DType.F32, 2, 2, 20, 16)
        .random("v", DType.F32, 2, 2, 20, 16)
        .random("k_new", DType.F32, 2, 2, 3, 16)
        .random("v_new", DType.F32, 2, 2, 3, 16)
        .random("scores", DType.F32, 2, 2, 20);
  }

  private Trimtab run(String op, TensorFiles tensors, String... settings) {
    Path in = tensors.write(folder.resolve("in.safetensors"));
    List<String> args = new ArrayList<>(List.of("run", op, "--in", in.toString()));
    args.addAll(List.of("--out", folder.resolve("out.safetensors").toString()));
    args.addAll(List.of("--backend", "scalar"));
    for (String setting : settings) {
      args.addAll(List.of("-s", setting));
    }
    return Trimtab.run(args.toArray(String[]::new));
  }

  @AfterEach
  void noOutputIsLeft() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .allMatch(name -> name.startsWith("in."));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "score|mood=raw|mood=raw",
        "score|mode|key=value",
        "score|mode=RAW|mode: RAW, expected one of raw, softmax",
        "score|scale=fast|scale: fast",
        "score|scale=NaN|scale: NaN",
        "score|scale=1e99|scale: 1e99",
        "score|pool=min|pool: min",
        "score|pool_width=4|pool_width: 4, expected an odd number",
        "score|pool_width=-1|pool_width: -1",
        "score|pool_width=5.0|pool_width: 5.0",
        "score|mask=tree|mask: tree",
        "score|precision=half|precision: half",
        "score|capacity=4|capacity=4",
        "select|keep=-1|keep: -1",
        "select|keep=many|keep: many",
        "select|keep=4294967296|keep: 4294967296",
        "select|mode=raw|mode=raw",
        "evict|capacity=-1|capacity: -1",
        "evict|keep=3|keep=3",
        "attend|mask=tree|tensor parent: missing",
        "attend|page_tokens=48|page_tokens: 48",
        "attend|kv_dtype=int4|kv_dtype: int4",
        "attend|pool=max|pool=max",
      })
  void settings(String op, String setting, String complaint) {
    run(op, good(), setting).fails(2, complaint);
  }

  @Test
  void contradictingAndMissingSettings() {
    run("score", good(), "mode=raw", "mask=causal").fails(2, "-s mask: causal");
    run("score", good(), "mode=raw", "mode=raw").fails(2, "once only");
    run("select", good()).fails(2, "-s keep: missing");
    run("evict", good()).fails(2, "-s capacity: missing");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "k|2,2,20,24|tensor k: shape [2, 2, 20, 24], expected shape [R=2, G, N, D=16]",
        "k|3,2,20,16|tensor k: shape [3, 2, 20, 16]",
        "k|2,2,16|tensor k: shape [2, 2, 16]",
        "q|2,0,3,16|tensor q: shape [2, 0, 3, 16]",
        "v|2,2,19,16|tensor v: shape [2, 2, 19, 16]",
        "k_new|2,2,4,16|tensor v_new: shape [2, 2, 3, 16]",
        "v_new|2,1,3,16|tensor v_new: shape [2, 1, 3, 16]",
      })
  void shapes(String name, String shape, String complaint) {
    long[] sizes = Stream.of(shape.split(",", -1)).mapToLong(Long::parseLong).toArray();
    run("evict", good().random(name, DType.F32, sizes), "capacity=9").fails(2, complaint);
    run("attend", good().random(name, DType.F32, sizes)).fails(2, "tensor ");
  }

  @Test
  void headCounts() {
    run("score", good().random("k", DType.F32, 2, 3, 20, 16))
        .fails(2, "tensor q: shape [2, 4, 3, 16], expected a multiple of the 3 key/value heads");
    run("score", good().random("k", DType.F32, 2, 0, 20, 16)).fails(2, "tensor q: shape");
  }

  @Test
  void enormousSizes() {
    long most = Integer.MAX_VALUE;
    TensorFiles tensors =
        new TensorFiles(1)
            .random("q", DType.F32, 0, 1, 1, 8)
            .random("k", DType.F32, 0, 1, most, 8)
            .random("v", DType.F32, 0, 1, most, 8)
            .random("k_new", DType.F32, 0, 1, 1, 8)
            .random("v_new", DType.F32, 0, 1, 1, 8);
    run("evict", tensors, "capacity=1").fails(2, "N + M: 2147483648");
    run("score", tensors.random("k", DType.F32, 0, 1, most + 1, 8))
        .fails(2, "tensor k: shape [0, 1, 2147483648, 8], expected sizes below 2^31");
  }

  @Test
  void namesWithLineBreaksStayOnOneLine() throws IOException {
    Path in = folder.resolve("in.safetensors");
    String json = "{\"a\\nb\u2028\":{\"dtype\":\"F33\",\"shape\":[],\"data_offsets\":[0,0]}}";
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    Files.write(
        in,
        ByteBuffer.allocate(8 + header.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length)
            .put(header)
            .array());
    Trimtab.run("run", "score", "--in", in.toString(), "--out", folder.resolve("out").toString())
        .fails(2, "tensor a b : dtype F33");
  }

  @Test
  void headDims() {
    for (int dim : new int[] {0, 4, 12, 264}) {
      TensorFiles tensors =
          new TensorFiles(1)
              .random("q", DType.F32, 1, 1, 1, dim)
              .random("k", DType.F32, 1, 1, 3, dim);
      run("score", tensors).fails(2, "tensor q: shape [1, 1, 1, " + dim + "]", "multiple of 8");
    }
  }

  @Test
  void dtypes() {
    TensorFiles mixed = good().random("v", DType.BF16, 2, 2, 20, 16);
    run("attend", mixed).fails(2, "tensor v: BF16, expected k's dtype, F32");
    TensorFiles mixedNew = good().random("k_new", DType.F16, 2, 2, 3, 16);
    run("evict", mixedNew, "capacity=3").fails(2, "tensor k_new: F16");
    run("score", good().ints("q", new int[2 * 4 * 3 * 16], 2, 4, 3, 16)).fails(2, "tensor q: I32");
    run("score", good().floats("window", new float[1], 1)).fails(2, "tensor window: F32");
  }

  @Test
  void lengths() {
    run("score", good().longs("lengths", new int[] {20, 21}, 2))
        .fails(2, "tensor lengths[1]: 21, expected 0 to 20");
    run("attend", good().longs("lengths", new int[] {-1, 2}, 2)).fails(2, "tensor lengths[0]: -1");
    run("select", good().longs("lengths", new int[] {1}, 1), "keep=1").fails(2, "tensor lengths");
    run("attend", good().ints("new_lengths", new int[] {0, 4}, 2))
        .fails(2, "tensor new_lengths[1]: 4");
    run("evict", good().ints("new_lengths", new int[] {0, 4}, 2), "capacity=3")
        .fails(2, "tensor new_lengths[1]: 4");
  }

  @ParameterizedTest
  @ValueSource(strings = {"score", "select", "evict"})
  void windows(String op) {
    String setting =
        op.equals("score") ? "mode=raw" : op.equals("select") ? "keep=1" : "capacity=9";
    run(op, good().ints("window", new int[] {1, 23}, 2), setting).fails(2, "window[0, 1]: 23");
    run(op, good().ints("window", new int[] {1, -1}, 2), setting).fails(2, "window[0, 1]: -1");
    run(op, good().ints("window", new int[] {-2, 1}, 2, 1), setting).fails(2, "window[0, 0]: -2");
    run(op, good().longs("window", new int[] {7, 8, 7}, 3), setting)
        .fails(2, "tensor window of row 0: 7 twice");
    run(op, good().longs("window", new int[] {7, 8, 7}, 3, 1), setting).fails(2, "tensor window");
  }

  @Test
  void windowsOfWhatIsNotThere() {
    TensorFiles tensors =
        good().longs("lengths", new int[] {20, 5}, 2).ints("window", new int[] {5}, 1);
    run("select", tensors, "keep=1").fails(2, "window[1, 0]: 5");
    run("evict", tensors, "capacity=9").fails(2, "window[1, 0]: 5");
    run(
            "evict",
            good().ints("new_lengths", new int[] {3, 1}, 2).ints("window", new int[] {21}, 1),
            "capacity=9")
        .fails(2, "window[1, 0]: 21");
  }

  @Test
  void capacitiesBelowTheWindow() {
    run("evict", good().ints("window", new int[] {1, 2, 3}, 3), "capacity=2")
        .fails(2, "-s capacity: 2, expected at least the 3 window positions");
  }

  @Test
  void masksWithoutAsManyNewTokens() {
    TensorFiles tensors = good().random("q", DType.F32, 2, 4, 5, 16);
    run("attend", tensors, "mask=causal").fails(2, "-s mask: causal", "5 queries and 3 new tokens");
    TensorFiles many =
        good()
            .random("q", DType.F32, 2, 4, 65, 16)
            .random("k_new", DType.F32, 2, 2, 65, 16)
            .random("v_new", DType.F32, 2, 2, 65, 16);
    run("attend", many, "mask=tree").fails(2, "-s mask: tree", "65 queries");
    run("attend", good().ints("parent", new int[] {-1, 1, 0}, 3), "mask=tree")
        .fails(2, "tensor parent[0, 1]: 1, expected -1 to 0");
  }

  @Test
  void filesAndOptions() throws IOException {
    Path in = good().write(folder.resolve("in.safetensors"));
    String out = folder.resolve("out.safetensors").toString();
    String missing = folder.resolve("no/such/file").toString();
    Trimtab.run("run", "score", "--in", missing, "--out", out).fails(2, missing, "no such file");
    Trimtab.run("run", "score", "--in", folder.toString(), "--out", out).fails(2, "a folder");
    Trimtab.run("run", "score", "--in", in.toString(), "--out", missing).fails(2, "--out", missing);
    Trimtab.run("run", "score", "--in", in.toString(), "--out", folder.toString())
        .fails(2, "--out", "regular file");
    Trimtab.run("run", "score", "--in", in.toString(), "--out", in.toString())
        .fails(2, "--out", "another file than --in");
    Trimtab.run("run", "score", "--in", in.toString()).fails(2, "--out");
    Trimtab.run("run", "scor", "--in", in.toString()).fails(2, "scor");
    Trimtab.run("run", "score", "--in", in.toString(), "--out", out, "--backend", "gpu")
        .fails(2, "--backend", "gpu");
    byte[] whole = Files.readAllBytes(in);
    Files.write(in, Arrays.copyOf(whole, whole.length - 1));
    Trimtab.run("run", "score", "--in", in.toString(), "--out", out).fails(2, in.toString());
  }

  @Test
  void aMissingBackendIsReportedBeforeInputsAreRead() {
    Trimtab.run("run", "score", "--in", "/no/such", "--out", "/no/such", "--backend", "cuda")
        .fails(3, "backend cuda is not available: ");
  }

  @Test
  void missingCommands() {
    Trimtab.run().fails(2, "subcommand");
    Trimtab.run("run").fails(2, "subcommand, expected one of score, select, evict, attend, ");
    Trimtab.run("fly").fails(2, "fly");
    Trimtab.run("info", "--colour").fails(2, "--colour");
  }
}
