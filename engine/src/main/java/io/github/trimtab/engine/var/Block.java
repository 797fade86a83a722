package io.github.trimtab.engine.var;

import io.github.trimtab.engine.math.Activations;
import io.github.trimtab.engine.math.LayerNorm;
import io.github.trimtab.engine.math.PackedMatrix;
import io.github.trimtab.engine.math.Parallel;
import io.github.trimtab.engine.math.Rows;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One transformer block: attention with unit queries and keys, then an MLP, each behind a modulated
 * norm and a gate.
 */
final class Block {

  private final VarConfig.Transformer shape;
  private final PackedMatrix qkv;
  private final PackedMatrix projection;
  private final PackedMatrix widen;
  private final PackedMatrix narrow;
  private final float[] headScales;
  private final @Nullable PackedMatrix wholeModulation;
  private final float[] ownModulation;

  Block(VarConfig.Transformer shape, BlockWeights weights) {
    this.shape = shape;
    qkv = weights.qkv.packed();
    projection = weights.projection.packed();
    widen = weights.widen.packed();
    narrow = weights.narrow.packed();
    headScales = weights.headScales;
    wholeModulation = weights.wholeModulation == null ? null : weights.wholeModulation.packed();
    ownModulation = weights.ownModulation;
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
        rows,
        norm(work, tokens, modulation, 2, 4),
        work.qkv().segment(),
        PackedMatrix.Epilogue.NONE);
    normalize(work.qkv().segment(), rows);
    attention.attend(
        layer,
        scale,
        work.qkv(0, tokens),
        work.qkv(1, tokens),
        work.qkv(2, tokens),
        work.attended(tokens));
    projection.multiply(
        rows,
        PackedMatrix.rows(work.attended().segment(), shape.width()),
        work.delta().segment(),
        gatedSum(work, tokens, modulation, 0));
    MemorySegment hidden = work.hidden().segment();
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
        work.delta().segment(),
        gatedSum(work, tokens, modulation, 1));
  }

  /** Loads rows of the residual stream normed and modulated, so that they are never stored. */
  private PackedMatrix.RowLoader norm(
      Workspace work, int tokens, float[] modulation, int scale, int shift) {
    MemorySegment residual = work.residual().segment();
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
    MemorySegment residual = work.residual().segment();
    MemorySegment delta = work.delta().segment();
    return (rowFrom, rowTo, columnFrom, columnTo) -> {
      for (int row = rowFrom; row < rowTo; row++) {
        long at = (long) row * shape.width() + columnFrom;
        int gate = vector(row / tokens, gamma) + columnFrom;
        Rows.addGated(residual, at, modulation, gate, delta, at, columnTo - columnFrom);
      }
    };
  }

  private int vector(int row, int which) {
    return (row * BlockWeights.MODULATIONS + which) * shape.width();
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
