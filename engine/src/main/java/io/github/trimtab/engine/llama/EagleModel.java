package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.RmsNorm;
import io.github.trimtab.engine.math.RowMatrix;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * A drafter of EAGLE's kind (arXiv 2401.15077): one block over the target's embedding of a token
 * and the target's feature of the token before it. It owns neither embedding nor head. Immutable.
 */
public final class EagleModel {

  private final BlockStack blocks;
  final float[] embedNorm;
  final float[] hiddenNorm;
  final RowMatrix join;

  private EagleModel(LlamaConfig config, Checkpoint checkpoint) {
    int width = config.width();
    blocks = new BlockStack(config, checkpoint, "");
    embedNorm = checkpoint.values("embed_norm.weight", width);
    hiddenNorm = checkpoint.values("hidden_norm.weight", width);
    join = Weights.matrix(checkpoint, "fc", width, 2 * width);
  }

  /**
   * Loads a drafter.
   *
   * @param folder holds {@code config.json} and {@code model.safetensors}
   * @param target whose embedding and head it reads
   * @throws IllegalArgumentException naming the file and the key or tensor that does not fit
   */
  public static EagleModel load(Path folder, LlamaModel target) throws IOException {
    Path file = folder.resolve("config.json");
    LlamaConfig config = LlamaConfig.read(file);
    LlamaConfig other = target.config();
    LlamaConfig.require(
        config.width() == other.width(),
        file,
        "hidden_size",
        config.width(),
        other.width() + " as the target's");
    LlamaConfig.require(
        config.vocabulary() == other.vocabulary(),
        file,
        "vocab_size",
        config.vocabulary(),
        other.vocabulary() + " as the target's");
    try (Checkpoint checkpoint = new Checkpoint(folder.resolve("model.safetensors"))) {
      return new EagleModel(config, checkpoint);
    }
  }

  /** Weights of the body, without the target's rows. */
  public long weights() {
    return blocks.weights() + join.weights();
  }

  BlockStack blocks() {
    return blocks;
  }

  /**
   * Joins embeddings and features into the residual streams.
   *
   * @param work holds the embeddings in its residual streams
   * @param features F32 [count, d]
   * @param pairs scratch [count, 2 d]
   */
  void join(TokenBuffers work, int count, MemorySegment features, float[] pairs) {
    int width = embedNorm.length;
    float epsilon = blocks.config().epsilon();
    float[] normed = work.normed;
    RmsNorm.apply(work.residual, count, embedNorm, epsilon, work.residual);
    MemorySegment.copy(features, ValueLayout.JAVA_FLOAT, 0, normed, 0, count * width);
    RmsNorm.apply(normed, count, hiddenNorm, epsilon, normed);
    for (int i = 0; i < count; i++) {
      System.arraycopy(work.residual, i * width, pairs, 2 * i * width, width);
      System.arraycopy(normed, i * width, pairs, (2 * i + 1) * width, width);
    }
    join.multiply(count, pairs, work.residual, false);
  }
}
