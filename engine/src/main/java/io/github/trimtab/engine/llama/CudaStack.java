package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import java.util.List;
import java.util.function.IntConsumer;

/** A {@link BlockStack} on a device. Nothing here is waited for. */
final class CudaStack {

  private final LlamaConfig config;
  private final Gpu gpu;
  private final List<Block> blocks;
  private final long norm;
  private final long cosines;
  private final long sines;

  /** Copies a stack's weights. */
  CudaStack(BlockStack stack, Gpu gpu, DeviceArena memory) {
    this.gpu = gpu;
    config = stack.config();
    blocks = stack.blocks().stream().map(block -> Block.copy(block, memory)).toList();
    norm = memory.copy(stack.norm());
    cosines = memory.copy(stack.rotary().cosines());
    sines = memory.copy(stack.rotary().sines());
  }

  /** Addresses of gains, and matrices, as {@link LlamaBlock} has them. */
  private record Block(
      long attentionNorm,
      DeviceMatrix qkv,
      DeviceMatrix projection,
      long mlpNorm,
      DeviceMatrix gateAndUp,
      DeviceMatrix down) {

    static Block copy(LlamaBlock block, DeviceArena memory) {
      return new Block(
          memory.copy(block.attentionNorm),
          DeviceMatrix.copy(block.qkv, memory),
          DeviceMatrix.copy(block.projection, memory),
          memory.copy(block.mlpNorm),
          DeviceMatrix.copy(block.gateAndUp, memory),
          DeviceMatrix.copy(block.down, memory));
    }
  }

  /** Addresses of activations, as {@link TokenBuffers} has them. */
  record Activations(long residual, long normed, long wide, long attended, long gated) {}

  LlamaConfig config() {
    return config;
  }

  /** Address of the cosines of all angles. */
  long cosines() {
    return cosines;
  }

  /** Address of the sines of all angles. */
  long sines() {
    return sines;
  }

  /** Runs the residual streams of {@code count} tokens and leaves what a head reads, normed. */
  void forward(Activations work, int count, IntConsumer attention) {
    for (int layer = 0; layer < blocks.size(); layer++) {
      Block block = blocks.get(layer);
      norm(work, count, block.attentionNorm);
      block.qkv.multiply(gpu, count, work.normed, work.wide, false);
      attention.accept(layer);
      block.projection.multiply(gpu, count, work.attended, work.residual, true);
      norm(work, count, block.mlpNorm);
      block.gateAndUp.multiply(gpu, count, work.normed, work.wide, false);
      gpu.llamaKernels().swiglu(work.wide, count, config.hidden(), work.gated);
      block.down.multiply(gpu, count, work.gated, work.residual, true);
    }
    norm(work, count, norm);
  }

  private void norm(Activations work, int count, long gain) {
    int width = config.width();
    float epsilon = config.epsilon();
    gpu.llamaKernels().rmsNorm(work.residual, gain, count, width, epsilon, width, work.normed);
  }
}
