package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.engine.cuda.Gpus;
import io.github.trimtab.engine.var.TinyModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("cuda")
final class CudaDemoCommandTest {

  @TempDir Path folder;

  @BeforeEach
  void prepare() throws IOException {
    Gpus.require();
    // Small maps, for the emulation, and enough of them for the smallest budget.
    TinyModel.write(folder, 1, 6, 6, 6, 6, 6, 6, 6);
  }

  private Trimtab demo() {
    return Trimtab.run(
        "demo",
        "--backend",
        "cuda",
        "--only",
        "pictures",
        "--images",
        "1",
        "--classes",
        "blue circle",
        "--model",
        folder.toString(),
        "--out",
        folder.resolve("out").toString());
  }

  @Test
  void drawsOnTheDevice() {
    Trimtab run = demo().succeeds();
    assertThat(run.out()).contains("Full cache", "ScaleKV 4 %", "demo.png");
    assertThat(folder.resolve("out").resolve("full").resolve("01-blue-circle.png")).isRegularFile();
  }

  /** Before the model is read. */
  @ParameterizedTest
  @CsvSource({
    "trimtab.cublas.library, the file of cuBLAS",
    "trimtab.engine.library, the file of the engine's kernels",
  })
  void whatIsMissingIsNamed(String property, String expected) throws IOException {
    String before = System.getProperty(property);
    System.setProperty(property, "nowhere.so");
    try {
      Files.delete(folder.resolve("config.json"));
      demo().fails(Failures.NO_BACKEND, "cuda", property + ": nowhere.so", expected);
      assertThat(folder.resolve("out")).doesNotExist();
    } finally {
      if (before == null) {
        System.clearProperty(property);
      } else {
        System.setProperty(property, before);
      }
    }
  }
}
