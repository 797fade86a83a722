package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.kernel.WeightRows;
import java.io.IOException;
import java.nio.file.Path;

/** A loaded model of Llama layout: embedding, blocks, head. Immutable, any thread. */
public final class LlamaModel {

  private final LlamaConfig config;
  private final WeightRows embedding;
  private final BlockStack blocks;
  private final WeightRows head;

  private LlamaModel(LlamaConfig config, Checkpoint checkpoint) {
    this.config = config;
    int vocabulary = config.vocabulary();
    embedding = Weights.rows(checkpoint, "model.embed_tokens", vocabulary, config.width());
    blocks = new BlockStack(config, checkpoint, "model.");
    head =
        config.tied() ? embedding : Weights.rows(checkpoint, "lm_head", vocabulary, config.width());
  }

  /**
   * Loads a model.
   *
   * @param folder holds {@code config.json} and {@code model.safetensors} in Hugging Face's names;
   *     a matrix of I8 has the BF16 scales of its rows beside it, {@code NAME.weight_scale}
   * @throws IllegalArgumentException naming the file and the key or tensor that does not fit
   */
  public static LlamaModel load(Path folder) throws IOException {
    LlamaConfig config = LlamaConfig.read(folder.resolve("config.json"));
    try (Checkpoint checkpoint = new Checkpoint(folder.resolve("model.safetensors"))) {
      return new LlamaModel(config, checkpoint);
    }
  }

  /** The shape of the model. */
  public LlamaConfig config() {
    return config;
  }

  /** The rows of the embedding [V, d]. */
  public WeightRows embedding() {
    return embedding;
  }

  /** The rows of the head [V, d]: the embedding itself where they are tied. */
  public WeightRows head() {
    return head;
  }

  /** Weights of blocks and head, which are all that a decoding step reads. */
  public long weights() {
    return blocks.weights() + (long) config.vocabulary() * config.width();
  }

  BlockStack blocks() {
    return blocks;
  }
}
