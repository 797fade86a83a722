package io.github.trimtab.engine.var;

import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** A model of two small layers with random weights: every file of a real one, in milliseconds. */
public final class TinyModel {

  private static final String CLASSES =
      """
      {"classes": [{"name": "red square"}, {"name": "blue circle"}]}
      """;

  private static final String CALIBRATION =
      """
      {"suggested_order": [1, 0]}
      """;

  private final SplittableRandom random = new SplittableRandom(1);
  private final Map<String, Tensor> tensors = new HashMap<>();

  private final int[] sides;

  private TinyModel(int... sides) {
    this.sides = sides;
  }

  /** Writes the files of a model with 481 tokens into a folder. */
  public static void write(Path folder) throws IOException {
    write(folder, 1, 4, 8, 12, 16);
  }

  /** Writes the files of a model with maps of these sides, two or more, into a folder. */
  public static void write(Path folder, int... sides) throws IOException {
    TinyModel model = new TinyModel(sides);
    Files.writeString(folder.resolve("config.json"), model.config());
    Files.writeString(folder.resolve("classes.json"), CLASSES);
    Files.writeString(folder.resolve("calibration.json"), CALIBRATION);
    SafetensorsWriter.write(
        folder.resolve("transformer.safetensors"), model.transformer(), Map.of());
    SafetensorsWriter.write(
        folder.resolve("tokenizer.safetensors"), new TinyModel(sides).tokenizer(), Map.of());
  }

  private String config() {
    int[] phis = new int[sides.length];
    Arrays.fill(phis, 2, phis.length, 1);
    return """
    {"image_size": %d, "num_classes": 2, "sides": %s, "codebook_size": 24,
     "transformer": {"depth": 2, "width": 16, "heads": 2, "head_dim": 8, "ffn_hidden": 20,
       "shared_adaln": true, "layer_norm_eps": 1e-6, "max_log_attention_scale": 4.6},
     "tokenizer": {"code_dim": 4, "phi_index": %s, "phi_ratio": 0.5,
       "channels": [4, 8], "blocks_per_level": 1, "norm_groups": 2, "norm_eps": 1e-6},
     "sampling": {"guidance": 2, "top_k": 10, "top_p": 0.9}}
    """
        .formatted(2 * sides[sides.length - 1], Arrays.toString(sides), Arrays.toString(phis));
  }

  private Map<String, Tensor> transformer() {
    int tokens = Arrays.stream(sides).map(side -> side * side).sum();
    add("pos_start", 1, 1, 16);
    add("pos_1LC", 1, tokens, 16);
    add("class_emb.weight", 3, 16);
    add("lvl_embed.weight", sides.length, 16);
    linear("word_embed", 16, 4);
    linear("shared_ada_lin.1", 96, 16);
    linear("head_nm.ada_lin.1", 32, 16);
    linear("head", 24, 16);
    for (int layer = 0; layer < 2; layer++) {
      String name = "blocks." + layer + ".";
      add(name + "ada_gss", 1, 1, 6, 16);
      add(name + "attn.scale_mul_1H11", 1, 2, 1, 1);
      add(name + "attn.q_bias", 16);
      add(name + "attn.v_bias", 16);
      add(name + "attn.mat_qkv.weight", 48, 16);
      linear(name + "attn.proj", 16, 16);
      linear(name + "ffn.fc1", 20, 16);
      linear(name + "ffn.fc2", 16, 20);
    }
    return tensors;
  }

  private Map<String, Tensor> tokenizer() {
    add("quantize.embedding.weight", 24, 4);
    convolution("quantize.quant_resi.qresi_ls.0", 4, 4, 3);
    convolution("quantize.quant_resi.qresi_ls.1", 4, 4, 3);
    convolution("post_quant_conv", 4, 4, 3);
    convolution("decoder.conv_in", 8, 4, 3);
    residual("decoder.mid.block_1", 8, 8);
    residual("decoder.mid.block_2", 8, 8);
    residual("decoder.up.1.block.0", 8, 8);
    convolution("decoder.up.1.upsample.conv", 8, 8, 3);
    residual("decoder.up.0.block.0", 4, 8);
    convolution("decoder.up.0.block.0.nin_shortcut", 4, 8, 1);
    linear("decoder.norm_out", 4);
    convolution("decoder.conv_out", 3, 4, 3);
    return tensors;
  }

  private void residual(String name, int out, int in) {
    linear(name + ".norm1", in);
    convolution(name + ".conv1", out, in, 3);
    linear(name + ".norm2", out);
    convolution(name + ".conv2", out, out, 3);
  }

  private void convolution(String name, int out, int in, int size) {
    linear(name, out, in, size, size);
  }

  /** A weight of a shape and a bias as long as its first dimension. */
  private void linear(String name, int... shape) {
    add(name + ".weight", shape);
    add(name + ".bias", shape[0]);
  }

  private void add(String name, int... shape) {
    long[] sizes = new long[shape.length];
    int count = 1;
    for (int i = 0; i < shape.length; i++) {
      sizes[i] = shape[i];
      count *= shape[i];
    }
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian() * 0.4f;
    }
    tensors.put(name, Tensor.wrap(values, sizes));
  }
}
