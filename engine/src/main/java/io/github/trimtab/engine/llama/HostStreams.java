package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Tokens that run by the host's arithmetic. */
final class HostStreams implements Streams {

  private final BlockStack blocks;
  private final WeightRows embedding;
  private final @Nullable EagleModel eagle;
  private final TokenBuffers work;
  private final float[] row;
  private float[] pairs = {};
  private int[] positions = {};

  /**
   * Streams without tokens.
   *
   * @param eagle joins embeddings and features, or null
   */
  HostStreams(BlockStack blocks, WeightRows embedding, @Nullable EagleModel eagle) {
    this.blocks = blocks;
    this.embedding = embedding;
    this.eagle = eagle;
    work = new TokenBuffers(blocks.config());
    row = new float[blocks.config().width()];
  }

  @Override
  public LlamaConfig config() {
    return blocks.config();
  }

  @Override
  public void run(
      int[] tokens, int from, int count, @Nullable Buffer features, BlockAttention attention) {
    positions = attention.positions();
    config().requireTokens(tokens, from, positions);
    attention.prepare();
    work.require(count);
    for (int i = 0; i < count; i++) {
      if (positions[i] >= 0) {
        embedding.read(tokens[from + i], row);
      } else {
        Arrays.fill(row, 0);
      }
      System.arraycopy(row, 0, work.residual, i * row.length, row.length);
    }
    if (eagle != null) {
      if (pairs.length < 2 * count * row.length) {
        pairs = new float[2 * count * row.length];
      }
      eagle.join(work, count, Objects.requireNonNull(features).segment(), pairs);
    }
    blocks.forward(work, count, layer -> attention.attend(layer, this));
  }

  @Override
  public Tensor normed(int count) {
    return Tensor.wrap(work.normed, work.normed.length / row.length, row.length)
        .narrow(0, 0, count);
  }

  @Override
  public void put(HeadsBuffer to, int first) {
    int places = positions.length / to.rows();
    for (int i = 0; i < positions.length; i++) {
      if (positions[i] >= 0) {
        int at = i * config().qkvWidth();
        to.put(blocks.rotary(), positions[i], work.wide, at, i / places, first + i % places);
      }
    }
  }

  @Override
  public void take(HeadsBuffer from, int first) {
    int places = positions.length / from.rows();
    for (int i = 0; i < positions.length; i++) {
      int at = i * config().heads() * config().headDim();
      from.take(i / places, first + i % places, work.attended, at);
    }
  }

  @Override
  public void close() {}
}
