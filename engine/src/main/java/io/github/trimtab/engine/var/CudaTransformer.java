package io.github.trimtab.engine.var;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A {@link Transformer} on a device, for the two rows of guidance. Nothing here is waited for. */
final class CudaTransformer {

  /** With the class, and without. */
  static final int ROWS = 2;

  private final VarConfig config;
  private final Gpu gpu;
  private final long classEmbedding;
  private final long start;
  private final long position;
  private final DeviceLinear wordEmbedding;
  private final @Nullable DeviceLinear sharedModulation;
  private final List<CudaBlock> blocks;
  private final DeviceLinear headModulation;
  private final DeviceLinear head;

  CudaTransformer(VarConfig config, TransformerWeights weights, Gpu gpu, DeviceArena memory) {
    this.config = config;
    this.gpu = gpu;
    classEmbedding = memory.copy(weights.classEmbedding);
    start = memory.copy(weights.start);
    position = memory.copy(weights.position);
    wordEmbedding = DeviceLinear.copy(weights.wordEmbedding, memory);
    Linear shared = weights.sharedModulation;
    sharedModulation = shared == null ? null : DeviceLinear.copy(shared, memory);
    blocks =
        weights.blocks.stream()
            .map(block -> new CudaBlock(config.transformer(), block, shared, gpu, memory))
            .toList();
    headModulation = DeviceLinear.copy(weights.headModulation, memory);
    head = DeviceLinear.copy(weights.head, memory);
  }

  /** Room for what a class means to every layer. */
  static final class Condition {
    private final long gated;
    private final long shared;
    private final long blocks;
    private final long head;

    Condition(VarConfig config, DeviceArena memory) {
      long width = (long) ROWS * config.transformer().width();
      gated = memory.floats(width);
      shared = memory.floats(BlockWeights.MODULATIONS * width);
      blocks = memory.floats(width * BlockWeights.MODULATIONS * config.transformer().depth());
      head = memory.floats(2 * width);
    }
  }

  /** Computes the condition of a class, and puts the first scale's input into the residual. */
  void begin(int label, Condition condition, Workspace work) {
    int width = config.transformer().width();
    gpu.kernels()
        .begin(
            classEmbedding,
            label,
            config.classes(),
            start,
            position,
            width,
            condition.gated,
            work.residual().deviceAddress());
    if (sharedModulation != null) {
      sharedModulation.multiply(gpu, ROWS, condition.gated, condition.shared);
    }
    for (int layer = 0; layer < blocks.size(); layer++) {
      blocks.get(layer).modulate(condition.gated, condition.shared, modulation(condition, layer));
    }
    headModulation.multiply(gpu, ROWS, condition.gated, condition.head);
    gpu.kernels()
        .add(condition.head, headModulation.bias(), ROWS, headModulation.out(), condition.head);
  }

  private long modulation(Condition condition, int layer) {
    long floats = (long) layer * ROWS * BlockWeights.MODULATIONS * config.transformer().width();
    return condition.blocks + floats * Float.BYTES;
  }

  /**
   * Puts a later scale's input into the residual stream.
   *
   * @param map address of the picture so far at the scale's size, [side, side, codeDim]
   */
  void embed(int scale, long map, Workspace work) {
    int width = config.transformer().width();
    int tokens = config.schedule().tokens(scale);
    long first = (long) config.schedule().history(scale) * width;
    long words = work.delta().deviceAddress();
    wordEmbedding.multiply(gpu, tokens, map, words);
    gpu.kernels()
        .embed(
            words,
            wordEmbedding.bias(),
            position + first * Float.BYTES,
            tokens,
            width,
            work.residual().deviceAddress());
  }

  /** Runs all blocks on the residual stream and leaves the map's logits in the workspace. */
  void predict(int scale, Condition condition, Attention attention, Workspace work) {
    int width = config.transformer().width();
    int tokens = config.schedule().tokens(scale);
    for (int layer = 0; layer < blocks.size(); layer++) {
      long modulation = modulation(condition, layer);
      blocks.get(layer).forward(work, tokens, modulation, layer, scale, attention);
    }
    long normed = work.delta().deviceAddress();
    long logits = work.logits().deviceAddress();
    gpu.kernels()
        .modulate(
            work.residual().deviceAddress(),
            condition.head,
            condition.head + (long) width * Float.BYTES,
            2 * width,
            tokens,
            width,
            config.transformer().epsilon(),
            normed);
    head.multiply(gpu, ROWS * tokens, normed, logits);
    gpu.kernels().add(logits, head.bias(), ROWS * tokens, head.out(), logits);
  }
}
