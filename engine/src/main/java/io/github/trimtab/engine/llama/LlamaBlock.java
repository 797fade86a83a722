package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.Activations;
import io.github.trimtab.engine.math.Parallel;
import io.github.trimtab.engine.math.RmsNorm;
import io.github.trimtab.engine.math.RowMatrix;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * One block: attention, then a SwiGLU MLP, each behind a norm and added to its input. Immutable.
 */
final class LlamaBlock {

  /** Tokens of the MLP's gate that are worth a second thread. */
  private static final int GATE_TOKENS = 8;

  private final LlamaConfig config;
  final float[] attentionNorm;
  final RowMatrix qkv;
  final RowMatrix projection;
  final float[] mlpNorm;
  final RowMatrix gateAndUp;
  final RowMatrix down;

  /**
   * Reads a block.
   *
   * @param name what its tensors' names begin with, a dot at the end
   */
  LlamaBlock(LlamaConfig config, Checkpoint checkpoint, String name) {
    this.config = config;
    int width = config.width();
    int keys = config.kvHeads() * config.headDim();
    int queries = config.heads() * config.headDim();
    attentionNorm = checkpoint.values(name + "input_layernorm.weight", width);
    String attention = name + "self_attn.";
    qkv =
        Weights.stacked(
            checkpoint,
            width,
            List.of(attention + "q_proj", attention + "k_proj", attention + "v_proj"),
            queries,
            keys,
            keys);
    projection = Weights.matrix(checkpoint, attention + "o_proj", width, queries);
    mlpNorm = checkpoint.values(name + "post_attention_layernorm.weight", width);
    gateAndUp =
        Weights.stacked(
            checkpoint,
            width,
            List.of(name + "mlp.gate_proj", name + "mlp.up_proj"),
            config.hidden(),
            config.hidden());
    down = Weights.matrix(checkpoint, name + "mlp.down_proj", width, config.hidden());
  }

  /** Weights of the matrices. */
  long weights() {
    return qkv.weights() + projection.weights() + gateAndUp.weights() + down.weights();
  }

  /** Updates the residual streams of {@code count} tokens. */
  void forward(TokenBuffers work, int count, int layer, IntConsumer attention) {
    RmsNorm.apply(work.residual, count, attentionNorm, config.epsilon(), work.normed);
    qkv.multiply(count, work.normed, work.wide, false);
    attention.accept(layer);
    projection.multiply(count, work.attended, work.residual, true);
    RmsNorm.apply(work.residual, count, mlpNorm, config.epsilon(), work.normed);
    gateAndUp.multiply(count, work.normed, work.wide, false);
    int hidden = config.hidden();
    Parallel.forRange(
        count,
        GATE_TOKENS,
        (from, to) -> {
          for (int token = from; token < to; token++) {
            Activations.swiglu(work.wide, token * 2 * hidden, hidden, work.gated, token * hidden);
          }
        });
    down.multiply(count, work.gated, work.residual, true);
  }
}
