package io.github.trimtab.engine.llama;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The residual streams of tokens that run together through a model's blocks, on the host or on a
 * device, in memory that is reused from step to step.
 *
 * <p>Threads: one at a time.
 */
interface Streams extends AutoCloseable {

  /** The shape of the model. */
  LlamaConfig config();

  /**
   * Runs tokens and leaves what a head reads in {@link #normed}.
   *
   * @param tokens ids; any where the attention's position is -1
   * @param features vectors that the tokens are joined with [count, d], for a model that joins
   * @throws IllegalArgumentException if a token is outside the vocabulary
   */
  void run(int[] tokens, int from, int count, @Nullable Buffer features, BlockAttention attention);

  /** What a head reads of the first {@code count} tokens that ran last [count, d]. */
  Tensor normed(int count);

  /**
   * Puts the layer's queries and keys, turned, and its values where attention reads them.
   *
   * @param first token of each row that receives the row's first
   */
  void put(HeadsBuffer to, int first);

  /** Takes attention's results from where {@link #put} put the queries. */
  void take(HeadsBuffer from, int first);

  @Override
  void close();
}
