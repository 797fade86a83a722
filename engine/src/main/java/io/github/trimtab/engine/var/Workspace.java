package io.github.trimtab.engine.var;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.function.LongFunction;

/**
 * The activations of a batch, on the host or on a device and reused from scale to scale: each row
 * has the tokens of its current map.
 */
final class Workspace implements AutoCloseable {

  private final VarConfig.Transformer shape;
  private final int rows;
  private final Buffer residual;
  private final Buffer qkv;
  private final Buffer attended;
  private final Buffer hidden;
  private final Buffer delta;
  private final Buffer logits;

  /**
   * Takes memory for a batch.
   *
   * @param memory makes a buffer of so many bytes, where the model runs
   */
  Workspace(VarConfig config, int rows, LongFunction<Buffer> memory) {
    shape = config.transformer();
    this.rows = rows;
    long tokens = 0;
    for (int scale = 0; scale < config.schedule().scales(); scale++) {
      tokens = Math.max(tokens, config.schedule().tokens(scale));
    }
    residual = memory.apply(rows * tokens * shape.width() * Float.BYTES);
    qkv = memory.apply(rows * tokens * 3L * shape.width() * Float.BYTES);
    attended = memory.apply(rows * tokens * shape.width() * Float.BYTES);
    hidden = memory.apply(rows * tokens * shape.hidden() * Float.BYTES);
    delta = memory.apply(rows * tokens * shape.width() * Float.BYTES);
    logits = memory.apply(rows * tokens * config.codebookSize() * Float.BYTES);
  }

  /** Rows of the batch. */
  int rows() {
    return rows;
  }

  /** The residual stream [rows * tokens, width]. */
  Buffer residual() {
    return residual;
  }

  /** Queries, keys and values of each token side by side [rows * tokens, 3 * width]. */
  Buffer qkv() {
    return qkv;
  }

  /** Attention's result [rows * tokens, width]. */
  Buffer attended() {
    return attended;
  }

  /** The MLP's inner layer [rows * tokens, hidden]. */
  Buffer hidden() {
    return hidden;
  }

  /** What a half of a block adds to the residual stream [rows * tokens, width]. */
  Buffer delta() {
    return delta;
  }

  /** Logits [rows * tokens, codes]. */
  Buffer logits() {
    return logits;
  }

  /**
   * Queries (part 0), keys (1) or values (2) as [rows, heads, tokens, head_dim], where they lie.
   */
  Tensor qkv(int part, int tokens) {
    return heads(qkv, (long) part * shape.width(), 3L * shape.width(), tokens);
  }

  /** Attention's result as [rows, heads, tokens, head_dim]. */
  Tensor attended(int tokens) {
    return heads(attended, 0, shape.width(), tokens);
  }

  private Tensor heads(Buffer buffer, long offset, long rowStride, int tokens) {
    return Tensor.strided(
        DType.F32,
        buffer,
        offset * Float.BYTES,
        new long[] {rows, shape.heads(), tokens, shape.headDim()},
        new long[] {tokens * rowStride, shape.headDim(), rowStride, 1});
  }

  @Override
  public void close() {
    residual.close();
    qkv.close();
    attended.close();
    hidden.close();
    delta.close();
    logits.close();
  }
}
