package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.engine.var.TinyModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DemoCommandTest {
  @TempDir Path model;
  @TempDir Path folder;

  private Path out;
  private final Map<String, String> options = new LinkedHashMap<>();

  @BeforeEach
  void prepare() throws IOException {
    TinyModel.write(model);
    out = folder.resolve("out");
    options.put("--model", model.toString());
    options.put("--out", out.toString());
    options.put("--backend", "scalar");
    options.put("--classes", "red square,blue circle");
    options.put("--images", "1");
    options.put("--only", "pictures");
  }

  private Trimtab demo() {
    List<String> args = new ArrayList<>(List.of("demo"));
    options.forEach((name, value) -> args.addAll(List.of(name, value)));
    return Trimtab.run(args.toArray(String[]::new));
  }

  @Test
  void printsATableAndWritesTheSheet() {
    Trimtab run = demo().succeeds();
    assertThat(run.out()).contains("Full cache", "ScaleKV 4 %", "Sliding window 10 %", "demo.png");
    assertThat(out.resolve("demo.png")).isRegularFile();
    assertThat(out.resolve("full").resolve("01-red-square.png")).isRegularFile();
  }

  @ParameterizedTest
  @CsvSource({
    "--images, 0, '--images: 0, expected 1 to'",
    "--images, many, --images",
    "--seed, x, --seed",
    "--backend, gpu, --backend",
    "--model, nowhere, nowhere",
    "--classes, green star, '--classes: green star, expected'",
  })
  void badInputIsNamedAndNothingWritten(String option, String value, String message) {
    options.put(option, value);
    demo().fails(Failures.BAD_INPUT, message);
    assertThat(out).doesNotExist();
  }

  @Test
  void aFileInTheWayIsNamed() throws IOException {
    Files.writeString(out, "mine");
    demo().fails(Failures.BAD_INPUT, "--out", "expected a folder");
    assertThat(out).hasContent("mine");
  }

  @Test
  void aMissingBackendIsSaidBeforeTheModelIsRead() {
    options.put("--backend", "cuda");
    options.put("--model", "nowhere");
    demo().fails(Failures.NO_BACKEND, "cuda");
  }
}
