package io.github.trimtab.engine.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.trimtab.engine.checkpoint.JsonObject;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What is exported has the layout that Hugging Face's LlamaForCausalLM reads: names and shapes
 * follow from its configuration alone. The file is read here by the format's own definition, not
 * with the classes that wrote it.
 */
class HuggingFaceExportTest {

  private static final Path MODELS = Path.of("..", "models", "java-text");

  @TempDir Path folder;

  /** The tensors of a Llama of tied embeddings. */
  private static Map<String, List<Integer>> expected(JsonObject config) {
    int width = config.integer("hidden_size");
    int hidden = config.integer("intermediate_size");
    int headDim = config.integer("head_dim");
    int queries = config.integer("num_attention_heads") * headDim;
    int keys = config.integer("num_key_value_heads") * headDim;
    Map<String, List<Integer>> shapes = new TreeMap<>();
    shapes.put("model.embed_tokens.weight", List.of(config.integer("vocab_size"), width));
    shapes.put("model.norm.weight", List.of(width));
    for (int layer = 0; layer < config.integer("num_hidden_layers"); layer++) {
      String name = "model.layers." + layer + ".";
      shapes.put(name + "input_layernorm.weight", List.of(width));
      shapes.put(name + "self_attn.q_proj.weight", List.of(queries, width));
      shapes.put(name + "self_attn.k_proj.weight", List.of(keys, width));
      shapes.put(name + "self_attn.v_proj.weight", List.of(keys, width));
      shapes.put(name + "self_attn.o_proj.weight", List.of(width, queries));
      shapes.put(name + "post_attention_layernorm.weight", List.of(width));
      shapes.put(name + "mlp.gate_proj.weight", List.of(hidden, width));
      shapes.put(name + "mlp.up_proj.weight", List.of(hidden, width));
      shapes.put(name + "mlp.down_proj.weight", List.of(width, hidden));
    }
    return shapes;
  }

  @ParameterizedTest
  @CsvSource({"target, F32, float32", "draft, BF16, bfloat16"})
  void theLayoutIsThatOfTheConfiguration(String name, DType format, String torch)
      throws IOException {
    HuggingFaceExport.write(MODELS.resolve(name), format, folder);

    JsonObject config = JsonObject.read(folder.resolve("config.json"));
    assertThat(config.text("model_type")).isEqualTo("llama");
    assertThat(config.text("torch_dtype")).isEqualTo(torch);
    assertThat(config.text("hidden_act")).isEqualTo("silu");
    assertThat(config.flag("tie_word_embeddings")).isTrue();
    assertThat(config.keys())
        .contains(
            "architectures",
            "rms_norm_eps",
            "rope_theta",
            "max_position_embeddings",
            "bos_token_id",
            "eos_token_id");

    Path file = folder.resolve("model.safetensors");
    try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
      int length = Math.toIntExact(Long.reverseBytes(in.readLong()));
      String text = new String(in.readNBytes(length), StandardCharsets.UTF_8);
      JsonObject header = JsonObject.parse("header", text);
      assertThat(header.object("__metadata__").text("format")).isEqualTo("pt");
      Map<String, List<Integer>> shapes = new TreeMap<>();
      List<int[]> places = new ArrayList<>();
      for (String tensor : header.keys()) {
        if (!tensor.equals("__metadata__")) {
          JsonObject info = header.object(tensor);
          assertThat(info.text("dtype")).isEqualTo(format.name());
          shapes.put(tensor, info.integers("shape"));
          List<Integer> offsets = info.integers("data_offsets");
          long elements =
              info.integers("shape").stream().mapToLong(size -> size).reduce(1, (a, b) -> a * b);
          assertThat(offsets.get(1) - offsets.get(0)).isEqualTo((int) format.bytes(elements));
          places.add(new int[] {offsets.get(0), offsets.get(1)});
        }
      }
      assertThat(shapes).isEqualTo(expected(config));
      // Tensors fill the file without holes.
      places.sort((a, b) -> Integer.compare(a[0], b[0]));
      int end = 0;
      for (int[] place : places) {
        assertThat(place[0]).isEqualTo(end);
        end = place[1];
      }
      assertThat(Files.size(file)).isEqualTo(8L + length + end);
    }
  }

  @Test
  void tokenizerAndGenerationComeAlong() throws IOException {
    HuggingFaceExport.write(MODELS.resolve("draft"), DType.BF16, folder);
    JsonObject tokenizer = JsonObject.read(folder.resolve("tokenizer.json"));
    assertThat(tokenizer.keys()).contains("model", "added_tokens", "pre_tokenizer", "decoder");
    int vocabulary = JsonObject.read(folder.resolve("config.json")).integer("vocab_size");
    assertThat(tokenizer.object("model").object("vocab").keys())
        .hasSizeLessThanOrEqualTo(vocabulary);
    JsonObject settings = JsonObject.read(folder.resolve("tokenizer_config.json"));
    assertThat(settings.text("tokenizer_class")).isEqualTo("PreTrainedTokenizerFast");
    int end = JsonObject.read(folder.resolve("generation_config.json")).integer("eos_token_id");
    assertThat(
            tokenizer.objects("added_tokens").stream()
                .filter(token -> token.integer("id") == end)
                .map(token -> token.text("content")))
        .containsExactly(settings.text("eos_token"));
  }

  @Test
  void onlyPlainFormatsAreWritten() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HuggingFaceExport.write(MODELS.resolve("draft"), DType.INT8, folder))
        .withMessageContaining("format: INT8");
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void tensorsOfNoModelAreNamed() throws IOException {
    Path out = folder.resolve("out");
    Path file = folder.resolve("model.safetensors");
    SafetensorsWriter.write(file, Map.of("bias", Tensor.wrap(new int[3], 3)), Map.of());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HuggingFaceExport.write(folder, DType.F32, out))
        .withMessage(file + ": tensor bias: I32[3] on host, expected F32, F16 or BF16");
    SafetensorsWriter.write(file, Map.of("w", Tensor.wrap(new float[6], 2, 3)), Map.of());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HuggingFaceExport.write(folder, DType.F32, out))
        .withMessageContaining("tensor w: ")
        .withMessageContaining("a matrix whose name ends with .weight");
    assertThat(out).doesNotExist();
  }
}
