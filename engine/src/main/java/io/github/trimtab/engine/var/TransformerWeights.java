package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The weights of a VAR's transformer, as the host and the device take them from there. */
final class TransformerWeights {

  /** An embedding a class, then that of no class, [classes + 1, width]. */
  final float[] classEmbedding;

  /** Added to the first scale's token, [width]. */
  final float[] start;

  /** Embedding of each token's place and scale, [tokens, width]. */
  final float[] position;

  final Linear wordEmbedding;

  /** From a condition to the modulation that all blocks share, or null where each has its own. */
  final @Nullable Linear sharedModulation;

  final List<BlockWeights> blocks;
  final Linear headModulation;
  final Linear head;

  TransformerWeights(VarConfig config, Checkpoint checkpoint) {
    int width = config.transformer().width();
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
    wordEmbedding = Linear.read(checkpoint, "word_embed", width, config.tokenizer().codeDim());
    sharedModulation =
        config.transformer().sharedModulation()
            ? Linear.read(checkpoint, "shared_ada_lin.1", BlockWeights.MODULATIONS * width, width)
            : null;
    blocks =
        IntStream.range(0, config.transformer().depth())
            .mapToObj(layer -> new BlockWeights(config, checkpoint, layer))
            .toList();
    headModulation = Linear.read(checkpoint, "head_nm.ada_lin.1", 2 * width, width);
    head = Linear.read(checkpoint, "head", config.codebookSize(), width);
  }
}
