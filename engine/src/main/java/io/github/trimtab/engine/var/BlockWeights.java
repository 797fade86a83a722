package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The weights of one transformer block, as the host and the device take them from there. */
final class BlockWeights {

  /** Vectors of a block's modulation: gamma1, gamma2, scale1, scale2, shift1, shift2. */
  static final int MODULATIONS = 6;

  /** Queries, keys and values; keys have no bias. */
  final Linear qkv;

  final Linear projection;
  final Linear widen;
  final Linear narrow;

  /** The length of each head's queries. */
  final float[] headScales;

  /** From a condition to the block's whole modulation, or null where blocks share that layer. */
  final @Nullable Linear wholeModulation;

  /** What the block adds to the shared modulation, [6, width]; empty where there is none. */
  final float[] ownModulation;

  BlockWeights(VarConfig config, Checkpoint checkpoint, int layer) {
    VarConfig.Transformer shape = config.transformer();
    int width = shape.width();
    String name = "blocks." + layer + ".";
    qkv =
        new Linear(
            checkpoint.values(name + "attn.mat_qkv.weight", 3 * width, width),
            qkvBias(
                checkpoint.values(name + "attn.q_bias", width),
                checkpoint.values(name + "attn.v_bias", width)));
    projection = Linear.read(checkpoint, name + "attn.proj", width, width);
    widen = Linear.read(checkpoint, name + "ffn.fc1", shape.hidden(), width);
    narrow = Linear.read(checkpoint, name + "ffn.fc2", width, shape.hidden());
    headScales = checkpoint.values(name + "attn.scale_mul_1H11", 1, shape.heads(), 1, 1);
    for (int head = 0; head < headScales.length; head++) {
      headScales[head] = (float) Math.exp(Math.min(headScales[head], shape.maxLogScale()));
    }
    if (shape.sharedModulation()) {
      wholeModulation = null;
      ownModulation = checkpoint.values(name + "ada_gss", 1, 1, MODULATIONS, width);
    } else {
      wholeModulation = Linear.read(checkpoint, name + "ada_lin.1", MODULATIONS * width, width);
      ownModulation = new float[0];
    }
  }

  private static float[] qkvBias(float[] q, float[] v) {
    float[] bias = Arrays.copyOf(q, 3 * q.length);
    System.arraycopy(v, 0, bias, 2 * q.length, v.length);
    return bias;
  }
}
