package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.scalekv.Schedule;
import java.util.ArrayList;
import java.util.List;

/**
 * The shape of an official VAR checkpoint (Tian et al. 2024, arXiv 2404.02905; state dicts {@code
 * var_d16} to {@code var_d36} and {@code vae_ch160v4096z32}) from its tensors alone, since it comes
 * without a configuration.
 *
 * <p>Depth d means width 64 d, d heads of 64 and d blocks. Buffers of training and the encoder are
 * never read. Draws as the authors' example does: guidance 4, top-k 900, top-p 0.95.
 */
final class OfficialVar {

  private static final int HEAD_DIM = 64;
  private static final float EPSILON = 1e-6f;

  /** The convolution nearest to each of ten scales. */
  private static final List<Integer> PHI_INDEX = List.of(0, 0, 1, 1, 1, 2, 2, 3, 3, 3);

  private OfficialVar() {}

  /**
   * Derives a configuration.
   *
   * @throws IllegalArgumentException naming file and tensor, where one is missing or does not fit
   */
  static VarConfig config(Checkpoint transformer, Checkpoint tokenizer) {
    int[] words = transformer.shape("word_embed.weight", 2, "[width, code channels]");
    int width = words[0];
    require(
        transformer,
        width % HEAD_DIM == 0,
        "word_embed.weight",
        "width " + width,
        "a multiple of " + HEAD_DIM);
    int depth = depth(transformer, width / HEAD_DIM);
    int classes = transformer.shape("class_emb.weight", 2, "[classes + 1, width]")[0] - 1;
    require(transformer, classes >= 1, "class_emb.weight", "1 row", "2 or more");
    Schedule schedule = schedule(transformer);
    List<Integer> channels = channels(tokenizer);
    return new VarConfig(
        schedule.height(schedule.scales() - 1) << (channels.size() - 1),
        classes,
        schedule,
        transformer.shape("head.weight", 2, "[codes, width]")[0],
        new VarConfig.Transformer(
            depth,
            width,
            width / HEAD_DIM,
            HEAD_DIM,
            transformer.shape("blocks.0.ffn.fc1.weight", 2, "[inner width, width]")[0],
            EPSILON,
            Math.log(100),
            transformer.contains("shared_ada_lin.1.weight")),
        new VarConfig.Tokenizer(words[1], PHI_INDEX, 0.5f, channels, 3, true, 32, EPSILON),
        new VarConfig.Sampling(4, 900, 0.95));
  }

  /** As many blocks as heads; a block more or fewer means a damaged or another model. */
  private static int depth(Checkpoint checkpoint, int expected) {
    int depth = 0;
    for (String name : checkpoint.names()) {
      if (name.startsWith("blocks.")) {
        String number = name.split("\\.", 3)[1];
        require(checkpoint, number.matches("[0-9]{1,4}"), name, "block " + number, "a number");
        depth = Math.max(depth, Integer.parseInt(number) + 1);
      }
    }
    require(
        checkpoint,
        depth == expected,
        "blocks.*",
        depth + " blocks",
        expected + ", a block for each " + HEAD_DIM + " of the width");
    return depth;
  }

  private static Schedule schedule(Checkpoint checkpoint) {
    int tokens = checkpoint.shape("pos_1LC", 3, "[1, positions, width]")[1];
    for (Schedule schedule : List.of(Schedule.VAR_256, Schedule.VAR_512)) {
      if (schedule.totalTokens() == tokens) {
        return schedule;
      }
    }
    throw checkpoint.bad("pos_1LC", tokens + " positions", "680 (256 pixels) or 2240 (512 pixels)");
  }

  /** Channels of each resolution of the decoder, the finest first. */
  private static List<Integer> channels(Checkpoint checkpoint) {
    List<Integer> channels = new ArrayList<>();
    String name = "decoder.up.0.block.0.conv1.weight";
    do {
      channels.add(checkpoint.shape(name, 4, "[out, in, 3, 3]")[0]);
      require(
          checkpoint,
          channels.getLast() % 32 == 0,
          name,
          channels.getLast() + " channels",
          "a multiple of the 32 groups of a norm");
      name = "decoder.up." + channels.size() + ".block.0.conv1.weight";
    } while (checkpoint.contains(name));
    require(
        checkpoint,
        channels.size() == 5,
        "decoder.up.*",
        channels.size() + " resolutions",
        "5, each twice the one before");
    return channels;
  }

  private static void require(
      Checkpoint checkpoint, boolean holds, String name, String found, String expected) {
    if (!holds) {
      throw checkpoint.bad(name, found, expected);
    }
  }
}
