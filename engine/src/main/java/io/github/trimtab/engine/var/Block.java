package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.Activations;
import io.github.trimtab.engine.math.LayerNorm;
import io.github.trimtab.engine.math.PackedMatrix;
import io.github.trimtab.engine.math.Parallel;
import io.github.trimtab.engine.math.Rows;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One transformer block: attention with unit queries and keys, then an MLP, each behind a modulated
 * norm and a gate.
 */
final class Block {

  /** Vectors of a block's modulation: gamma1, gamma2, scale1, scale2, shift1, shift2. */
  static final int MODULATIONS = 6;

  private final VarConfig.Transformer shape;
  private final PackedMatrix qkv;
  private final PackedMatrix projection;
  private final PackedMatrix widen;
  private final PackedMatrix narrow;
  private final float[] headScales;
  private final @Nullable PackedMatrix wholeModulation;
  private final float[] ownModulation;

  Block(VarConfig config, Checkpoint checkpoint, int layer) {
    shape = config.transformer();
    int width = shape.width();
    String name = "blocks." + layer + ".";
    qkv =
        new PackedMatrix(
            checkpoint.values(name + "attn.mat_qkv.weight", 3 * width, width),
            qkvBias(
                checkpoint.values(name + "attn.q_bias", width),
                checkpoint.values(name + "attn.v_bias", width)));
    projection = Layers.linear(checkpoint, name + "attn.proj", width, width);
    widen = Layers.linear(checkpoint, name + "ffn.fc1", shape.hidden(), width);
    narrow = Layers.linear(checkpoint, name + "ffn.fc2", width, shape.hidden());
    headScales = checkpoint.values(name + "attn.scale_mul_1H11", 1, shape.heads(), 1, 1);
    for (int head = 0; head < headScales.length; head++) {
      headScales[head] = (float) Math.exp(Math.min(headScales[head], shape.maxLogScale()));
    }
    if (shape.sharedModulation()) {
      wholeModulation = null;
      ownModulation = checkpoint.values(name + "ada_gss", 1, 1, MODULATIONS, width);
    } else {
      wholeModulation = Layers.linear(checkpoint, name + "ada_lin.1", MODULATIONS * width, width);
      ownModulation = new float[0];
    }
  }

  /** Keys have no bias. */
  private static float[] qkvBias(float[] q, float[] v) {
    float[] bias = Arrays.copyOf(q, 3 * q.length);
    System.arraycopy(v, 0, bias, 2 * q.length, v.length);
    return bias;
  }

  /**
   * This block's modulation [rows][6][width].
   *
   * @param gated the conditions [rows, width] behind SiLU
   * @param shared what all blocks share; empty where they share nothing
   */
  float[] modulation(int rows, float[] gated, float[] shared) {
    if (wholeModulation != null) {
      return wholeModulation.multiply(rows, gated);
    }
    float[] result = shared.clone();
    for (int i = 0; i < result.length; i++) {
      result[i] += ownModulation[i % ownModulation.length];
    }
    return result;
  }

  /** Updates the residual stream of one map. */
  void forward(
      Workspace work, int tokens, float[] modulation, int layer, int scale, Attention attention) {
    int rows = work.rows() * tokens;
    qkv.multiply(
        rows, norm(work, tokens, modulation, 2, 4), work.qkv(), PackedMatrix.Epilogue.NONE);
    normalize(work.qkv(), rows);
    attention.attend(
        layer,
        scale,
        work.qkv(0, tokens),
        work.qkv(1, tokens),
        work.qkv(2, tokens),
        work.attended(tokens));
    projection.multiply(
        rows,
        PackedMatrix.rows(work.attended(), shape.width()),
        work.delta(),
        gatedSum(work, tokens, modulation, 0));
    MemorySegment hidden = work.hidden();
    widen.multiply(
        rows,
        norm(work, tokens, modulation, 3, 5),
        hidden,
        (rowFrom, rowTo, columnFrom, columnTo) -> {
          for (long row = rowFrom; row < rowTo; row++) {
            Activations.gelu(
                hidden, row * shape.hidden() + columnFrom, row * shape.hidden() + columnTo);
          }
        });
    narrow.multiply(
        rows,
        PackedMatrix.rows(hidden, shape.hidden()),
        work.delta(),
        gatedSum(work, tokens, modulation, 1));
  }

  /** Loads rows of the residual stream normed and modulated, so that they are never stored. */
  private PackedMatrix.RowLoader norm(
      Workspace work, int tokens, float[] modulation, int scale, int shift) {
    MemorySegment residual = work.residual();
    return (from, to, block) -> {
      for (int row = from; row < to; row++) {
        LayerNorm.modulate(
            residual,
            row,
            shape.width(),
            shape.epsilon(),
            modulation,
            vector(row / tokens, scale),
            vector(row / tokens, shift),
            block,
            (row - from) * shape.width());
      }
    };
  }

  /** Adds what was just computed to the residual stream, times a gate. */
  private PackedMatrix.Epilogue gatedSum(
      Workspace work, int tokens, float[] modulation, int gamma) {
    MemorySegment residual = work.residual();
    MemorySegment delta = work.delta();
    return (rowFrom, rowTo, columnFrom, columnTo) -> {
      for (int row = rowFrom; row < rowTo; row++) {
        long at = (long) row * shape.width() + columnFrom;
        int gate = vector(row / tokens, gamma) + columnFrom;
        Rows.addGated(residual, at, modulation, gate, delta, at, columnTo - columnFrom);
      }
    };
  }

  private int vector(int row, int which) {
    return (row * MODULATIONS + which) * shape.width();
  }

  /** Gives each head's key length 1 and its query the head's scale as length. */
  private void normalize(MemorySegment qkv, int rows) {
    int width = shape.width();
    Parallel.forRange(
        rows,
        64,
        (from, to) -> {
          for (int row = from; row < to; row++) {
            for (int head = 0; head < shape.heads(); head++) {
              long at = 3L * row * width + (long) head * shape.headDim();
              Rows.normalize(qkv, at, shape.headDim(), headScales[head]);
              Rows.normalize(qkv, at + width, shape.headDim(), 1);
            }
          }
        });
  }
}
