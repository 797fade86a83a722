package io.github.trimtab.engine.var;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VarModelTest {

  @TempDir Path folder;

  @BeforeEach
  void write() throws IOException {
    TinyModel.write(folder);
  }

  @Test
  void loadsWhatItsFilesSay() throws IOException {
    VarModel model = VarModel.load(folder);
    assertEquals(List.of("red square", "blue circle"), model.classNames());
    assertEquals(481, model.config().schedule().totalTokens());
    assertEquals(16, model.config().grid());
  }

  @ParameterizedTest
  @CsvSource({
    "'\"depth\": 2', '\"depth\": 3', blocks.2.attn.mat_qkv.weight",
    "'\"codebook_size\": 24', '\"codebook_size\": 25', head.weight",
    "'\"width\": 16', '\"width\": 24', heads",
    "'\"image_size\": 32', '\"image_size\": 64', image_size",
    "'\"shared_adaln\": true', '\"shared_adaln\": false', blocks.0.ada_lin.1",
    "'\"depth\": 2', '\"depth\": 2.5', depth",
    "'\"top_k\": 10, ', '', top_k",
    "'\"num_classes\": 2', '\"num_classes\": 3', classes",
    "'{\"image_size\"', '[\"image_size\"', config.json",
  })
  void aConfigurationThatDoesNotFitIsNamed(String from, String to, String named)
      throws IOException {
    Path file = folder.resolve("config.json");
    String config = Files.readString(file);
    assertTrue(config.contains(from));
    Files.writeString(file, config.replace(from, to));
    var e = assertThrows(IllegalArgumentException.class, () -> VarModel.load(folder));
    assertTrue(String.valueOf(e.getMessage()).contains(named), e.getMessage());
  }

  @Test
  void aMissingFileIsNamed() throws IOException {
    Files.delete(folder.resolve("tokenizer.safetensors"));
    var e = assertThrows(NoSuchFileException.class, () -> VarModel.load(folder));
    assertTrue(String.valueOf(e.getMessage()).contains("tokenizer.safetensors"));
  }
}
