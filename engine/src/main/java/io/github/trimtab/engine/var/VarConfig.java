package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.JsonObject;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The shape of a model, as its {@code config.json} states it.
 *
 * @param imageSize side of a picture in pixels
 * @param classes number of classes; the class after the last one means "no class"
 * @param schedule the square maps, the last one as large as the tokenizer's grid
 * @param codebookSize number of codes
 */
public record VarConfig(
    int imageSize,
    int classes,
    Schedule schedule,
    int codebookSize,
    Transformer transformer,
    Tokenizer tokenizer,
    Sampling sampling) {

  /**
   * The transformer's shape.
   *
   * @param maxLogScale upper bound of the logarithm of a head's attention scale
   * @param sharedModulation whether all blocks share one modulation, to which each adds its own
   */
  public record Transformer(
      int depth,
      int width,
      int heads,
      int headDim,
      int hidden,
      float epsilon,
      double maxLogScale,
      boolean sharedModulation) {}

  /**
   * The tokenizer's shape.
   *
   * @param codeDim channels of a code
   * @param phiIndex which of the shared convolutions smooths each scale
   * @param phiRatio share of the smoothed map in a scale's contribution
   * @param channels of each resolution of the decoder, the finest first
   * @param blocks residual blocks of each resolution
   * @param attention whether the coarsest resolution attends to itself
   */
  public record Tokenizer(
      int codeDim,
      List<Integer> phiIndex,
      float phiRatio,
      List<Integer> channels,
      int blocks,
      boolean attention,
      int normGroups,
      float epsilon) {}

  /**
   * How codes are drawn.
   *
   * @param guidance classifier-free guidance at the last scale, rising linearly from 0
   * @param topK most codes to choose from
   * @param topP probability that those kept cover at least
   */
  public record Sampling(double guidance, int topK, double topP) {}

  /**
   * Reads a configuration.
   *
   * @throws IllegalArgumentException naming file and key, where it does not describe such a model
   */
  public static VarConfig read(Path file) throws IOException {
    JsonObject json = JsonObject.read(file);
    JsonObject transformer = json.object("transformer");
    JsonObject tokenizer = json.object("tokenizer");
    JsonObject sampling = json.object("sampling");
    VarConfig config =
        new VarConfig(
            json.integer("image_size"),
            json.integer("num_classes"),
            Schedule.ofSides(json.integers("sides").stream().mapToInt(Integer::intValue).toArray()),
            json.integer("codebook_size"),
            new Transformer(
                transformer.integer("depth"),
                transformer.integer("width"),
                transformer.integer("heads"),
                transformer.integer("head_dim"),
                transformer.integer("ffn_hidden"),
                (float) transformer.number("layer_norm_eps"),
                transformer.number("max_log_attention_scale"),
                transformer.flag("shared_adaln")),
            new Tokenizer(
                tokenizer.integer("code_dim"),
                tokenizer.integers("phi_index"),
                (float) tokenizer.number("phi_ratio"),
                tokenizer.integers("channels"),
                tokenizer.integer("blocks_per_level"),
                tokenizer.has("attention") && tokenizer.flag("attention"),
                tokenizer.integer("norm_groups"),
                (float) tokenizer.number("norm_eps")),
            new Sampling(
                sampling.number("guidance"), sampling.integer("top_k"), sampling.number("top_p")));
    config.check(file);
    return config;
  }

  private void check(Path file) {
    require(tokenizer.phiIndex.size() == schedule.scales(), file, "phi_index", tokenizer.phiIndex);
    require(
        transformer.heads * transformer.headDim == transformer.width,
        file,
        "heads",
        transformer.heads);
    require(!tokenizer.channels.isEmpty(), file, "channels", tokenizer.channels);
    require(imageSize == grid() << (tokenizer.channels.size() - 1), file, "image_size", imageSize);
    require(sampling.topK >= 1, file, "top_k", sampling.topK);
  }

  private static void require(boolean holds, Path file, String key, Object value) {
    if (!holds) {
      throw new IllegalArgumentException(
          file + ": " + key + ": " + value + ", expected a value that agrees with the others");
    }
  }

  /** Refuses a class that the model does not know. */
  void requireClass(int label) {
    if (label < 0 || label >= classes) {
      throw new IllegalArgumentException("class: " + label + ", expected 0 to " + (classes - 1));
    }
  }

  /** Side of the tokenizer's grid. */
  public int grid() {
    return schedule.height(schedule.scales() - 1);
  }
}
