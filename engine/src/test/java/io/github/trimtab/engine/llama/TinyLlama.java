package io.github.trimtab.engine.llama;

import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Small models of Llama layout with random weights, as files and as the plain values that the files
 * stand for.
 */
public final class TinyLlama {

  static final String ROPE_SCALING =
      """
      {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
       "original_max_position_embeddings": 32}
      """;

  private final SplittableRandom random;
  private final DType format;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final Map<String, double[][]> values = new LinkedHashMap<>();

  private TinyLlama(DType format, long seed) {
    this.format = format;
    random = new SplittableRandom(seed);
  }

  /** Sizes of a model. */
  public record Sizes(int vocabulary, int width, int hidden, int layers, int heads, int kvHeads) {}

  static final int HEAD_DIM = 8;

  public static final Sizes TARGET = new Sizes(97, 24, 20, 3, 4, 2);
  public static final Sizes DRAFT = new Sizes(97, 16, 12, 1, 2, 1);
  public static final Sizes EAGLE = new Sizes(97, 24, 20, 1, 4, 2);

  /** Writes a model and returns the values of its tensors, by name. */
  public static Map<String, double[][]> write(
      Path folder, Sizes sizes, DType format, boolean tied, String scaling, long seed)
      throws IOException {
    TinyLlama model = new TinyLlama(format, seed);
    model.add("model.embed_tokens", sizes.vocabulary, sizes.width);
    for (int layer = 0; layer < sizes.layers; layer++) {
      model.block("model.layers." + layer + ".", sizes);
    }
    model.gain("model.norm.weight", sizes.width);
    if (!tied) {
      model.add("lm_head", sizes.vocabulary, sizes.width);
    }
    return model.save(folder, sizes, tied, scaling);
  }

  /** Writes an EAGLE drafter. */
  public static Map<String, double[][]> writeEagle(
      Path folder, Sizes sizes, DType format, long seed) throws IOException {
    TinyLlama model = new TinyLlama(format, seed);
    model.gain("embed_norm.weight", sizes.width);
    model.gain("hidden_norm.weight", sizes.width);
    model.add("fc", sizes.width, 2 * sizes.width);
    model.block("layers.0.", sizes);
    model.gain("norm.weight", sizes.width);
    return model.save(folder, sizes, true, "null");
  }

  private Map<String, double[][]> save(Path folder, Sizes sizes, boolean tied, String scaling)
      throws IOException {
    Files.createDirectories(folder);
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"vocab_size": %d, "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
         "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": 8, "hidden_act": "silu",
         "rms_norm_eps": 1e-5, "rope_theta": 100.0, "rope_scaling": %s,
         "max_position_embeddings": 160, "tie_word_embeddings": %s, "bos_token_id": 0,
         "eos_token_id": [1, 2]}
        """
            .formatted(
                sizes.vocabulary,
                sizes.width,
                sizes.hidden,
                sizes.layers,
                sizes.heads,
                sizes.kvHeads,
                scaling,
                tied));
    SafetensorsWriter.write(folder.resolve("model.safetensors"), tensors, Map.of());
    return values;
  }

  private void block(String name, Sizes sizes) {
    gain(name + "input_layernorm.weight", sizes.width);
    add(name + "self_attn.q_proj", sizes.heads * HEAD_DIM, sizes.width);
    add(name + "self_attn.k_proj", sizes.kvHeads * HEAD_DIM, sizes.width);
    add(name + "self_attn.v_proj", sizes.kvHeads * HEAD_DIM, sizes.width);
    add(name + "self_attn.o_proj", sizes.width, sizes.heads * HEAD_DIM);
    gain(name + "post_attention_layernorm.weight", sizes.width);
    add(name + "mlp.gate_proj", sizes.hidden, sizes.width);
    add(name + "mlp.up_proj", sizes.hidden, sizes.width);
    add(name + "mlp.down_proj", sizes.width, sizes.hidden);
  }

  private void gain(String name, int width) {
    Tensor tensor = Tensor.allocate(DType.BF16, width);
    double[][] plain = new double[1][width];
    for (int i = 0; i < width; i++) {
      tensor.setFloatAt(tensor.offset(i), 1 + (float) random.nextGaussian() * 0.2f);
      plain[0][i] = tensor.floatAt(tensor.offset(i));
    }
    tensors.put(name, tensor);
    values.put(name, plain);
  }

  private void add(String name, int rows, int columns) {
    Tensor tensor = Tensor.allocate(format, rows, columns);
    Tensor scales = Tensor.allocate(DType.BF16, rows);
    double[][] plain = new double[rows][columns];
    for (int r = 0; r < rows; r++) {
      float scale = FloatFormats.fromBf16(FloatFormats.toBf16(0.003f + 0.002f * random.nextInt(3)));
      scales.setFloatAt(scales.offset(r), scale);
      for (int c = 0; c < columns; c++) {
        long at = tensor.offset(r, c);
        if (format == DType.INT8) {
          byte code = (byte) (random.nextInt(255) - 127);
          tensor.segment().set(ValueLayout.JAVA_BYTE, at, code);
          plain[r][c] = (double) code * scale;
        } else {
          tensor.setFloatAt(at, (float) random.nextGaussian() * 0.5f);
          plain[r][c] = tensor.floatAt(at);
        }
      }
    }
    tensors.put(name + ".weight", tensor);
    values.put(name + ".weight", plain);
    if (format == DType.INT8) {
      tensors.put(name + ".weight_scale", scales);
    }
  }
}
