package io.github.trimtab.engine.var;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The activations of a batch, off the heap and reused from scale to scale: each row has the tokens
 * of its current map.
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

  Workspace(VarConfig config, int rows) {
    shape = config.transformer();
    this.rows = rows;
    long tokens = 0;
    for (int scale = 0; scale < config.schedule().scales(); scale++) {
      tokens = Math.max(tokens, config.schedule().tokens(scale));
    }
    residual = allocate(tokens, shape.width());
    qkv = allocate(tokens, 3L * shape.width());
    attended = allocate(tokens, shape.width());
    hidden = allocate(tokens, shape.hidden());
    delta = allocate(tokens, shape.width());
    logits = allocate(tokens, config.codebookSize());
  }

  private Buffer allocate(long tokens, long width) {
    return Buffer.allocate(rows * tokens * width * Float.BYTES);
  }

  /** Rows of the batch. */
  int rows() {
    return rows;
  }

  /** The residual stream [rows * tokens, width]. */
  MemorySegment residual() {
    return residual.segment();
  }

  /** Queries, keys and values of each token side by side [rows * tokens, 3 * width]. */
  MemorySegment qkv() {
    return qkv.segment();
  }

  /** Attention's result [rows * tokens, width]. */
  MemorySegment attended() {
    return attended.segment();
  }

  /** The MLP's inner layer [rows * tokens, hidden]. */
  MemorySegment hidden() {
    return hidden.segment();
  }

  /** What a half of a block adds to the residual stream [rows * tokens, width]. */
  MemorySegment delta() {
    return delta.segment();
  }

  /** Logits [rows * tokens, codes]. */
  MemorySegment logits() {
    return logits.segment();
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
