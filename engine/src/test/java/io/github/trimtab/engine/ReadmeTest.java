package io.github.trimtab.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The README shows what the demonstration printed, not what somebody typed. */
final class ReadmeTest {

  @Test
  void theTableIsTheOneRecordedBesideTheSheet() throws IOException {
    String recorded = Files.readString(Path.of("..", "models", "var-emoji", "demo.txt"));
    String readme = Files.readString(Path.of("..", "README.md"));
    assertThat(recorded).contains("Full cache").contains("ScaleKV");
    assertThat(readme).contains("```text\n" + recorded + "```");
  }
}
