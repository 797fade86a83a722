package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.math.Rotary;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/**
 * Causal attention of new tokens over a paged cache that takes them up at once, or as much of them
 * and of what it held as a policy says. Rows of a batch may stand at different places.
 *
 * <p>Threads: one at a time.
 */
final class PagedAttention implements BlockAttention, AutoCloseable {

  private static final int PAGE_TOKENS = 32;

  private final LlamaConfig config;
  private final Rotary rotary;
  private final PagePool pool;
  private final KvCache cache;
  private final int[] positions;
  private int[] lengths;
  private EvictionPolicy policy = EvictionPolicy.full();
  private HeadsBuffer buffer;
  private int steps;

  /**
   * An empty cache.
   *
   * @param rows of the batch
   * @param tokens most that the cache holds of a row between two steps
   * @param pages how pages hold keys and values
   */
  PagedAttention(BlockStack blocks, Kernels kernels, int rows, int tokens, DType pages) {
    config = blocks.config();
    rotary = blocks.rotary();
    PageLayout layout = new PageLayout(pages, PAGE_TOKENS, config.kvHeads(), config.headDim());
    // One layer's lists exist twice while it forgets.
    int lists = Math.multiplyExact(config.layers() + 1, rows);
    pool = new PagePool(layout, Math.multiplyExact(lists, layout.pagesFor(tokens)));
    cache = new KvCache(kernels, pool, config.layers(), rows, config.kvHeads(), tokens);
    positions = new int[rows];
    lengths = new int[rows];
    buffer = new HeadsBuffer(config, rows, 1);
  }

  KvCache cache() {
    return cache;
  }

  PagePool pool() {
    return pool;
  }

  float scale() {
    return (float) (1 / Math.sqrt(config.headDim()));
  }

  /** Tokens that a row has seen, those that it forgot included. */
  int position(int row) {
    return positions[row];
  }

  /**
   * Announces a step.
   *
   * @param lengths new tokens of each row; the longest row's tokens are a row's places
   * @throws IllegalArgumentException if a text grows too long for the model
   */
  void begin(int[] lengths, EvictionPolicy policy) {
    for (int row = 0; row < lengths.length; row++) {
      requireRoom(row, lengths[row]);
    }
    this.lengths = lengths.clone();
    this.policy = policy;
    int tokens = Arrays.stream(lengths).max().orElseThrow();
    if (buffer.tokens() < tokens) {
      buffer.close();
      buffer = new HeadsBuffer(config, positions.length, tokens);
    }
  }

  void requireRoom(int row, int tokens) {
    if (tokens > config.positions() - positions[row]) {
      throw new IllegalArgumentException(
          "tokens of row "
              + row
              + ": "
              + (positions[row] + (long) tokens)
              + ", expected at most the model's "
              + config.positions()
              + " positions");
    }
  }

  @Override
  public void attend(int layer, int count, float[] qkv, float[] attended) {
    int places = count / positions.length;
    for (int row = 0; row < positions.length; row++) {
      for (int token = 0; token < lengths[row]; token++) {
        int at = (row * places + token) * config.qkvWidth();
        buffer.put(rotary, positions[row] + token, qkv, at, row, token);
      }
    }
    NewTokens fresh = buffer.fresh(places, lengths);
    Tensor queries = buffer.queries(0, places);
    cache.attend(
        layer,
        queries,
        fresh.lengths(),
        fresh,
        places == 1 ? Mask.NONE : Mask.CAUSAL,
        null,
        scale(),
        buffer.results(0, places),
        null);
    for (int row = 0; row < positions.length; row++) {
      for (int token = 0; token < places; token++) {
        int width = config.heads() * config.headDim();
        buffer.take(row, token, attended, (row * places + token) * width);
      }
    }
    policy.store(cache, layer, steps, queries, fresh);
  }

  /** Ends the step that {@link #begin} announced. */
  void end() {
    for (int row = 0; row < positions.length; row++) {
      positions[row] += lengths[row];
    }
    steps++;
  }

  /** Forgets the newest tokens of a row. */
  void truncate(int row, int newest) {
    cache.truncate(row, newest);
    positions[row] -= newest;
  }

  /** Counts tokens of the first row that were put into the cache from elsewhere. */
  void advance(int tokens) {
    positions[0] += tokens;
  }

  /** Forgets everything. */
  void clear() {
    cache.clear();
    Arrays.fill(positions, 0);
    steps = 0;
  }

  @Override
  public void close() {
    cache.close();
    pool.close();
    buffer.close();
  }
}
