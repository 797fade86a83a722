package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.math.Rotary;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Turned queries and keys, values, and attention's results of some tokens of each row, in memory
 * that the cache's operations read: [rows, tokens, (H + 2 G) D] and [rows, tokens, H D].
 */
final class HeadsBuffer implements AutoCloseable {

  private final LlamaConfig config;
  private final int rows;
  private final int tokens;
  private final Memory memory;
  private final Buffer qkv;
  private final Buffer out;

  HeadsBuffer(LlamaConfig config, Memory memory, int rows, int tokens) {
    this.memory = memory;
    this.config = config;
    this.rows = rows;
    this.tokens = tokens;
    qkv = memory.allocate((long) rows * tokens * config.qkvWidth() * Float.BYTES);
    out = memory.allocate((long) rows * tokens * queryWidth() * Float.BYTES);
  }

  /** Rows of the batch. */
  int rows() {
    return rows;
  }

  /** Tokens of a row that there is room for. */
  int tokens() {
    return tokens;
  }

  private int queryWidth() {
    return config.heads() * config.headDim();
  }

  /** Puts a token's queries, keys and values in their place on the host and turns them. */
  void put(Rotary rotary, int position, float[] from, int at, int row, int token) {
    long to = ((long) row * tokens + token) * config.qkvWidth();
    int turned = config.heads() + config.kvHeads();
    int values = turned * config.headDim();
    rotary.apply(position, turned, from, at, qkv.segment(), to);
    MemorySegment.copy(
        from,
        at + values,
        qkv.segment(),
        ValueLayout.JAVA_FLOAT,
        (to + values) * Float.BYTES,
        config.qkvWidth() - values);
  }

  /** Copies attention's result for a token on the host. */
  void take(int row, int token, float[] to, int at) {
    long from = ((long) row * tokens + token) * queryWidth() * Float.BYTES;
    MemorySegment.copy(out.segment(), ValueLayout.JAVA_FLOAT, from, to, at, queryWidth());
  }

  /** Where queries, keys and values lie. */
  Buffer qkv() {
    return qkv;
  }

  /** Where attention's results lie. */
  Buffer out() {
    return out;
  }

  /** Moves the keys and values of a token of the first row to an earlier place. */
  void move(int from, int to) {
    long bytes = (long) config.qkvWidth() * Float.BYTES;
    memory.copy(qkv, from * bytes, qkv, to * bytes, bytes);
  }

  /** Queries of tokens {@code from} to {@code from + count} [rows, H, count, D]. */
  Tensor queries(int from, int count) {
    return heads(qkv, config.qkvWidth(), 0, config.heads(), from, count);
  }

  /** Attention's result for these tokens [rows, H, count, D]. */
  Tensor results(int from, int count) {
    return heads(out, queryWidth(), 0, config.heads(), from, count);
  }

  /** Keys and values of the first {@code count} tokens, of which {@code lengths} are valid. */
  NewTokens fresh(int count, @Nullable Tensor lengths) {
    int keys = config.heads() * config.headDim();
    int values = keys + config.kvHeads() * config.headDim();
    return new NewTokens(
        heads(qkv, config.qkvWidth(), keys, config.kvHeads(), 0, count),
        heads(qkv, config.qkvWidth(), values, config.kvHeads(), 0, count),
        lengths);
  }

  private Tensor heads(Buffer buffer, int width, int offset, int heads, int from, int count) {
    return Tensor.strided(
        DType.F32,
        buffer,
        ((long) from * width + offset) * Float.BYTES,
        new long[] {rows, heads, count, config.headDim()},
        new long[] {(long) tokens * width, config.headDim(), width, 1});
  }

  @Override
  public void close() {
    qkv.close();
    out.close();
  }
}
