package io.github.trimtab.engine.infinity;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import java.util.HashMap;
import java.util.Map;

/**
 * The shape of an Infinity model (Han et al. 2024, arXiv 2412.04431), from the tensors of its
 * checkpoint alone.
 *
 * <p>The checkpoint has 8 chunks of as many layers each, in whose names layers count from 0 again.
 *
 * @param layers 32 in 2B, 40 in 8B
 * @param width C; 2048 in 2B, 3584 in 8B
 * @param heads of 128 elements; 16 in 2B, 28 in 8B
 */
public record InfinityShape(int layers, int width, int heads) {

  /** Elements of a head. */
  public static final int HEAD_DIM = 128;

  private static final int CHUNKS = 8;
  private static final String PREFIX = "block_chunks.";
  private static final String QKV =
      "block_chunks\\.[0-9]{1,4}\\.module\\.[0-9]{1,4}\\.sa\\.mat_qkv\\.weight";

  /**
   * Reads the shape.
   *
   * @throws IllegalArgumentException naming file and tensor, where one is missing or does not fit
   */
  public static InfinityShape of(Checkpoint checkpoint) {
    String scales = name(0, 0) + "scale_mul_1H11";
    int heads = checkpoint.shape(scales, 4, "[1, heads, 1, 1]")[1];
    String qkv = name(0, 0) + "mat_qkv.weight";
    int width = checkpoint.shape(qkv, 2, "[3 width, width]")[1];
    if (width != heads * HEAD_DIM) {
      throw checkpoint.bad(
          qkv, "width " + width, heads * HEAD_DIM + ", " + HEAD_DIM + " for each head");
    }
    Map<Integer, Integer> lengths = new HashMap<>();
    for (String name : checkpoint.names()) {
      if (name.matches(QKV)) {
        lengths.merge(Integer.valueOf(name.split("\\.", 3)[1]), 1, Integer::sum);
      }
    }
    int length = lengths.getOrDefault(0, 0);
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
      int found = lengths.getOrDefault(chunk, 0);
      if (found != length) {
        throw checkpoint.bad(
            PREFIX + chunk + ".*", found + " layers", length + " as in the first chunk");
      }
    }
    if (lengths.size() != CHUNKS) {
      throw checkpoint.bad(PREFIX + "*", lengths.size() + " chunks", "8");
    }
    return new InfinityShape(CHUNKS * length, width, heads);
  }

  /** What the names of a layer's self-attention begin with. */
  String prefix(int layer) {
    int length = layers / CHUNKS;
    return name(layer / length, layer % length);
  }

  private static String name(int chunk, int layer) {
    return PREFIX + chunk + ".module." + layer + ".sa.";
  }
}
