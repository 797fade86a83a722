package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
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

  Transformer(VarConfig config, Checkpoint checkpoint) {
    this.config = config;
    int width = config.transformer().width();
    int codeDim = config.tokenizer().codeDim();
    int tokens = config.schedule().totalTokens();
    classEmbedding = checkpoint.values("class_emb.weight", config.classes() + 1, width);
    start = checkpoint.values("pos_start", 1, 1, width);
    position = checkpoint.values("pos_1LC", 1, tokens, width);
    float[] level = checkpoint.values("lvl_embed.weight", config.schedule().scales(), width);
    for (int scale = 0; scale < config.schedule().scales(); scale++) {
      int first = config.schedule().history(scale) * width;
      for (int i = 0; i < config.schedule().tokens(scale) * width; i++) {
        position[first + i] += level[scale * width + i % width];
      }
    }
    wordEmbedding = Layers.linear(checkpoint, "word_embed", width, codeDim);
    sharedModulation =
        config.transformer().sharedModulation()
            ? Layers.linear(checkpoint, "shared_ada_lin.1", Block.MODULATIONS * width, width)
            : null;
    for (int layer = 0; layer < config.transformer().depth(); layer++) {
      blocks.add(new Block(config, checkpoint, layer));
    }
    headModulation = Layers.linear(checkpoint, "head_nm.ada_lin.1", 2 * width, width);
    head = Layers.linear(checkpoint, "head", config.codebookSize(), width);
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
      work.residual().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
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
          work.residual(),
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
    MemorySegment residual = work.residual();
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
        work.logits(),
        PackedMatrix.Epilogue.NONE);
  }
}
