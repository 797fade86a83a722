package io.github.trimtab.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The README shows what the demonstration printed, not what somebody typed. */
final class ReadmeTest {

  @Test
  void theTableOfPicturesIsTheOneRecordedBesideTheSheet() throws IOException {
    assertThat(recorded("var-emoji")).contains("Full cache").contains("ScaleKV");
  }

  @Test
  void theTableOfTextIsTheOneRecordedBesideTheModels() throws IOException {
    assertThat(recorded("java-text")).contains("Plain decoding").contains("of the head");
  }

  /** What the demonstration printed for a model, once it is found in the README. */
  private static String recorded(String model) throws IOException {
    String recorded = Files.readString(Path.of("..", "models", model, "demo.txt"));
    String readme = Files.readString(Path.of("..", "README.md"));
    assertThat(readme).contains("```text\n" + recorded + "```");
    return recorded;
  }
}
