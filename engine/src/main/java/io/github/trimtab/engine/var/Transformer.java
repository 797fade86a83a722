package io.github.trimtab.engine.var;

import io.github.trimtab.engine.math.LayerNorm;
import io.github.trimtab.engine.math.PackedMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The transformer of a VAR: predicts the codes of a whole map from all earlier maps. Immutable. */
final class Transformer {

  private final VarConfig config;
  private final float[] classEmbedding;
  private final float[] start;
  private final float[] position;
  private final PackedMatrix wordEmbedding;
  private final @Nullable PackedMatrix sharedModulation;
  private final List<Block> blocks = new ArrayList<>();
  private final PackedMatrix headModulation;
  private final PackedMatrix head;

  Transformer(VarConfig config, TransformerWeights weights) {
    this.config = config;
    classEmbedding = weights.classEmbedding;
    start = weights.start;
    position = weights.position;
    wordEmbedding = weights.wordEmbedding.packed();
    sharedModulation = weights.sharedModulation == null ? null : weights.sharedModulation.packed();
    for (BlockWeights block : weights.blocks) {
      blocks.add(new Block(config.transformer(), block));
    }
    headModulation = weights.headModulation.packed();
    head = weights.head.packed();
  }

  /**
   * What classes mean to every layer: the conditions, and the modulations that follow from them.
   */
  final class Condition {
    private final float[] rows;
    private final List<float[]> blockModulations = new ArrayList<>();
    private final float[] headModulations;

    private Condition(int[] labels) {
      int width = config.transformer().width();
      rows = new float[labels.length * width];
      for (int row = 0; row < labels.length; row++) {
        System.arraycopy(classEmbedding, labels[row] * width, rows, row * width, width);
      }
      float[] gated = new float[rows.length];
      for (int i = 0; i < rows.length; i++) {
        gated[i] = (float) (rows[i] / (1 + Math.exp(-rows[i])));
      }
      float[] shared =
          sharedModulation == null ? new float[0] : sharedModulation.multiply(labels.length, gated);
      for (Block block : blocks) {
        blockModulations.add(block.modulation(labels.length, gated, shared));
      }
      headModulations = headModulation.multiply(labels.length, gated);
    }
  }

  /** The condition of each row's class; the class after the last one means "no class". */
  Condition condition(int... labels) {
    return new Condition(labels);
  }

  /** Puts the start token into the residual stream: the first scale's input. */
  void begin(Condition condition, Workspace work) {
    int width = config.transformer().width();
    for (int i = 0; i < work.rows() * width; i++) {
      float value = condition.rows[i] + start[i % width] + position[i % width];
      work.residual().segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
  }

  /**
   * Puts a later scale's input into the residual stream.
   *
   * @param map the picture so far at the scale's size, [side, side, codeDim]
   */
  void embed(int scale, float[] map, Workspace work) {
    int width = config.transformer().width();
    int tokens = config.schedule().tokens(scale);
    int first = config.schedule().history(scale) * width;
    float[] embedded = wordEmbedding.multiply(tokens, map);
    for (int i = 0; i < embedded.length; i++) {
      embedded[i] += position[first + i];
    }
    for (int row = 0; row < work.rows(); row++) {
      MemorySegment.copy(
          embedded,
          0,
          work.residual().segment(),
          ValueLayout.JAVA_FLOAT,
          (long) row * tokens * width * Float.BYTES,
          embedded.length);
    }
  }

  /** Runs all blocks on the residual stream and leaves the map's logits in the workspace. */
  void predict(int scale, Condition condition, Attention attention, Workspace work) {
    int tokens = config.schedule().tokens(scale);
    for (int layer = 0; layer < blocks.size(); layer++) {
      float[] modulation = condition.blockModulations.get(layer);
      blocks.get(layer).forward(work, tokens, modulation, layer, scale, attention);
    }
    int width = config.transformer().width();
    MemorySegment residual = work.residual().segment();
    head.multiply(
        work.rows() * tokens,
        (from, to, block) -> {
          for (int row = from; row < to; row++) {
            int vectors = row / tokens * 2 * width;
            LayerNorm.modulate(
                residual,
                row,
                width,
                config.transformer().epsilon(),
                condition.headModulations,
                vectors,
                vectors + width,
                block,
                (row - from) * width);
          }
        },
        work.logits().segment(),
        PackedMatrix.Epilogue.NONE);
  }
}
