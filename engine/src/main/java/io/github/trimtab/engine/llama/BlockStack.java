package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.RmsNorm;
import io.github.trimtab.engine.math.Rotary;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/** The blocks of a model one after the other, and the norm behind the last. Immutable. */
final class BlockStack {

  private final LlamaConfig config;
  private final List<LlamaBlock> blocks = new ArrayList<>();
  private final float[] norm;
  private final Rotary rotary;

  /**
   * Reads blocks.
   *
   * @param name what the tensors' names begin with: {@code model.} or nothing
   */
  BlockStack(LlamaConfig config, Checkpoint checkpoint, String name) {
    this.config = config;
    for (int layer = 0; layer < config.layers(); layer++) {
      blocks.add(new LlamaBlock(config, checkpoint, name + "layers." + layer + "."));
    }
    norm = checkpoint.values(name + "norm.weight", config.width());
    rotary = new Rotary(config.rope().of(config.headDim()), config.positions());
  }

  LlamaConfig config() {
    return config;
  }

  /** Angles of every position of the longest text. */
  Rotary rotary() {
    return rotary;
  }

  /** Weights of the blocks' matrices. */
  long weights() {
    return blocks.stream().mapToLong(LlamaBlock::weights).sum();
  }

  /** The blocks, the first one first. */
  List<LlamaBlock> blocks() {
    return List.copyOf(blocks);
  }

  /** The gain of the norm behind the last block. */
  float[] norm() {
    return norm;
  }

  /**
   * Runs the residual streams of {@code count} tokens and leaves what a head reads, normed.
   *
   * @param attention is given each layer, and reads and writes {@code work}
   */
  void forward(TokenBuffers work, int count, IntConsumer attention) {
    for (int layer = 0; layer < blocks.size(); layer++) {
      blocks.get(layer).forward(work, count, layer, attention);
    }
    RmsNorm.apply(work.residual, count, norm, config.epsilon(), work.normed);
  }
}
