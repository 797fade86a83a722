package io.github.trimtab.engine.llama;

/** The activations of the tokens that run together, reused from step to step. */
final class TokenBuffers {

  private final LlamaConfig config;
  private int tokens;

  /** The residual stream [tokens, d]. */
  float[] residual = {};

  /** The residual stream normed [tokens, d]. */
  float[] normed = {};

  /** Queries, keys and values side by side, or gate and up [tokens, the wider of both]. */
  float[] wide = {};

  /** Attention's result [tokens, H * D]. */
  float[] attended = {};

  /** The MLP's inner layer [tokens, hidden]. */
  float[] gated = {};

  TokenBuffers(LlamaConfig config) {
    this.config = config;
  }

  /** Makes room; what the buffers hold is lost where they grow. */
  void require(int count) {
    if (count > tokens) {
      tokens = count;
      residual = new float[Math.multiplyExact(count, config.width())];
      normed = new float[residual.length];
      int wider = Math.max(config.qkvWidth(), 2 * config.hidden());
      wide = new float[Math.multiplyExact(count, wider)];
      attended = new float[Math.multiplyExact(count, config.heads() * config.headDim())];
      gated = new float[Math.multiplyExact(count, config.hidden())];
    }
  }
}
