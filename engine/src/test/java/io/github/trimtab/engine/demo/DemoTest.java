package io.github.trimtab.engine.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.image.Png;
import io.github.trimtab.engine.study.HeadBudgets;
import io.github.trimtab.engine.var.Calibration;
import io.github.trimtab.engine.var.TinyModel;
import io.github.trimtab.engine.var.VarBackend;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoTest {

  @TempDir Path folder;

  private VarModel model;
  private HeadBudgets heads;
  private List<DemoPolicy> policies;

  @BeforeEach
  void load() throws IOException {
    TinyModel.write(folder);
    model = VarModel.load(folder);
    heads = heads(folder.resolve("heads.safetensors"));
    policies =
        DemoPolicy.all(
            model.config(), Calibration.read(folder.resolve("calibration.json")), Demo.ROWS, heads);
  }

  /** 23 of 225 tokens a head at the last scale, more in one and fewer in another, and biases. */
  private static HeadBudgets heads(Path file) throws IOException {
    float[] biases = new float[2 * 2 * 2 * 8];
    Arrays.fill(biases, 0.1f);
    SafetensorsWriter.write(
        file,
        Map.of(
            "capacities.23",
            Tensor.wrap(new int[] {30, 16, 23, 23}, 1, 2, 2),
            "bias.23",
            Tensor.wrap(biases, 1, 2, 2, 2, 8)),
        Map.of());
    return HeadBudgets.read(file, 5);
  }

  private List<DemoResult> draw(String backend, List<Integer> labels, long seed) {
    return new Demo(VarBackend.host(model, Backends.named(backend).kernels()), labels, seed)
        .run(policies, (policy, picture) -> {});
  }

  @Test
  void everyPoolPeaksAsPredictedAndFewerTokensTakeLess() {
    List<DemoResult> results = draw("scalar", List.of(0, 1), 7);
    assertEquals(6, results.size());
    for (DemoResult result : results) {
      assertEquals(result.predictedBytes(), result.peakBytes(), result.policy().title());
      assertEquals(2, result.drawings().size());
    }
    assertTrue(results.get(1).peakBytes() < results.get(0).peakBytes(), "20 % against all");
    assertTrue(results.get(3).peakBytes() < results.get(1).peakBytes(), "4 % against 20 %");
    assertTrue(results.get(5).peakBytes() < results.getFirst().peakBytes(), "by head");
    // Two rows of 256 tokens, keys and values of 16 floats each.
    assertEquals(2 * 256 * 2 * 16 * 4, results.getFirst().newTokenBytes());
  }

  @Test
  void seedAndClassDecideThePicture() {
    List<DemoResult> first = draw("scalar", List.of(0), 7);
    assertEquals(1, draw("scalar", List.of(0), 7).getFirst().equalCodes(first.getFirst()));
    assertTrue(draw("scalar", List.of(0), 8).getFirst().equalCodes(first.getFirst()) < 1);
    assertTrue(draw("scalar", List.of(1), 7).getFirst().equalCodes(first.getFirst()) < 1);
  }

  @Test
  void whatIsForgottenChangesThePictureAndAPolicyEqualsItself() {
    List<DemoResult> results = draw("scalar", List.of(0), 7);
    assertEquals(1, results.get(2).equalCodes(results.get(2)));
    assertEquals(Double.POSITIVE_INFINITY, results.get(2).psnr(results.get(2)));
    assertTrue(results.get(3).equalCodes(results.getFirst()) < 1);
    assertTrue(results.get(3).ssim(results.getFirst()) < 1);
  }

  @Test
  void correctionsChangeThePictureAndAreCounted() {
    Demo demo = new Demo(VarBackend.host(model, Backends.named("scalar").kernels()), List.of(0), 7);
    DemoPolicy corrected = policies.getLast();
    DemoPolicy uncorrected =
        new DemoPolicy(
            "uncorrected",
            "Uncorrected",
            heads.policy(23, model.config().schedule(), Demo.ROWS),
            true,
            null);
    List<DemoResult> results = demo.run(List.of(corrected, uncorrected), (policy, picture) -> {});
    assertTrue(results.getLast().equalCodes(results.getFirst()) < 1);
    assertEquals(results.getLast().peakBytes(), results.getFirst().peakBytes());
    String table = new DemoReport(List.of("red square"), results).table();
    assertEquals(4, table.lines().count());
    assertTrue(table.contains("SensitivityKV 10 % also holds 256 bytes"), table);
  }

  @Test
  void reportHasALineAPolicyAndAFileAPicture() throws IOException {
    List<DemoResult> results = draw("scalar", List.of(0, 1), 7);
    DemoReport report = new DemoReport(List.of("red square", "blue circle"), results);
    List<String> table = report.table().lines().toList();
    assertEquals(8, table.size());
    for (int i = 0; i < 6; i++) {
      assertTrue(table.get(i + 1).startsWith(policies.get(i).title()), table.get(i + 1));
      assertTrue(table.get(i + 1).contains(" " + results.get(i).peakBytes() + " "));
    }
    Path out = folder.resolve("out");
    assertEquals(out.resolve("demo.png"), report.write(out));
    List<String> files = new ArrayList<>();
    try (var walk = Files.walk(out)) {
      walk.filter(Files::isRegularFile).forEach(f -> files.add(out.relativize(f).toString()));
    }
    assertEquals(20, files.size(), files::toString);
    assertEquals(report.table(), Files.readString(out.resolve("demo.txt")));
    assertTrue(files.contains(Path.of("scalekv-10", "02-blue-circle.png").toString()));
    assertArrayEquals(
        Png.encode(results.get(2).pictures().get(1)),
        Files.readAllBytes(out.resolve("scalekv-10").resolve("02-blue-circle.png")));
    List<String> tokens = Files.readAllLines(out.resolve("scalekv-10").resolve("tokens.txt"));
    int[] last = results.get(2).drawings().get(1).codes().getLast();
    assertEquals(2, tokens.size());
    assertTrue(tokens.get(1).endsWith(" " + last[last.length - 1]), tokens.get(1));
    assertEquals(model.config().schedule().totalTokens(), tokens.get(1).split(" ", -1).length);
  }
}
