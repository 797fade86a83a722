package io.github.trimtab.engine.var;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import org.jspecify.annotations.Nullable;

/** A {@link Block} on a device, for the two rows of guidance. */
final class CudaBlock {

  private final VarConfig.Transformer shape;
  private final Gpu gpu;
  private final DeviceLinear qkv;
  private final DeviceLinear projection;
  private final DeviceLinear widen;
  private final DeviceLinear narrow;
  private final long headScales;
  private final @Nullable DeviceLinear wholeModulation;

  /** What is added to the product that makes the modulation, [6, width]. */
  private final long modulationBias;

  /**
   * Copies a block's weights.
   *
   * @param shared the layer that makes all blocks' modulation, or null where each has its own
   */
  CudaBlock(
      VarConfig.Transformer shape,
      BlockWeights weights,
      @Nullable Linear shared,
      Gpu gpu,
      DeviceArena memory) {
    this.shape = shape;
    this.gpu = gpu;
    qkv = DeviceLinear.copy(weights.qkv, memory);
    projection = DeviceLinear.copy(weights.projection, memory);
    widen = DeviceLinear.copy(weights.widen, memory);
    narrow = DeviceLinear.copy(weights.narrow, memory);
    headScales = memory.copy(weights.headScales);
    if (weights.wholeModulation != null) {
      wholeModulation = DeviceLinear.copy(weights.wholeModulation, memory);
      modulationBias = wholeModulation.bias();
    } else {
      wholeModulation = null;
      float[] bias = weights.ownModulation.clone();
      for (int i = 0; shared != null && i < bias.length; i++) {
        bias[i] += shared.bias()[i];
      }
      modulationBias = memory.copy(bias);
    }
  }

  /**
   * Computes this block's modulation.
   *
   * @param gated the conditions [2, width] behind SiLU
   * @param shared the product that all blocks share
   * @param modulation receives [2, 6, width]
   */
  void modulate(long gated, long shared, long modulation) {
    if (wholeModulation != null) {
      wholeModulation.multiply(gpu, CudaTransformer.ROWS, gated, modulation);
    }
    gpu.kernels()
        .add(
            wholeModulation != null ? modulation : shared,
            modulationBias,
            CudaTransformer.ROWS,
            BlockWeights.MODULATIONS * shape.width(),
            modulation);
  }

  /** Updates the residual stream of one map. */
  void forward(
      Workspace work, int tokens, long modulation, int layer, int scale, Attention attention) {
    int rows = CudaTransformer.ROWS * tokens;
    long delta = work.delta().deviceAddress();
    long inner = work.hidden().deviceAddress();
    long heads = work.qkv().deviceAddress();
    norm(work, tokens, modulation, 2, 4);
    qkv.multiply(gpu, rows, delta, heads);
    gpu.kernels().unitHeads(heads, qkv.bias(), headScales, rows, shape.heads(), shape.headDim());
    attention.attend(
        layer,
        scale,
        work.qkv(0, tokens),
        work.qkv(1, tokens),
        work.qkv(2, tokens),
        work.attended(tokens));
    projection.multiply(gpu, rows, work.attended().deviceAddress(), delta);
    addGated(work, projection, tokens, modulation, 0);
    norm(work, tokens, modulation, 3, 5);
    widen.multiply(gpu, rows, delta, inner);
    gpu.kernels().gelu(inner, widen.bias(), rows, shape.hidden());
    narrow.multiply(gpu, rows, inner, delta);
    addGated(work, narrow, tokens, modulation, 1);
  }

  /** Leaves the residual stream, normed and modulated, in {@code delta}. */
  private void norm(Workspace work, int tokens, long modulation, int scale, int shift) {
    gpu.kernels()
        .modulate(
            work.residual().deviceAddress(),
            vector(modulation, scale),
            vector(modulation, shift),
            BlockWeights.MODULATIONS * shape.width(),
            tokens,
            shape.width(),
            shape.epsilon(),
            work.delta().deviceAddress());
  }

  /** Adds a layer's product, which {@code delta} holds, to the residual stream, times a gate. */
  private void addGated(
      Workspace work, DeviceLinear layer, int tokens, long modulation, int gamma) {
    gpu.kernels()
        .addGated(
            work.residual().deviceAddress(),
            work.delta().deviceAddress(),
            layer.bias(),
            vector(modulation, gamma),
            BlockWeights.MODULATIONS * shape.width(),
            tokens,
            shape.width());
  }

  private long vector(long modulation, int which) {
    return modulation + (long) which * shape.width() * Float.BYTES;
  }
}
