package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Causal attention of new tokens over a paged cache that takes them up at once, or as much of them
 * and of what it held as a policy says. Rows of a batch may stand at different places.
 *
 * <p>Threads: one at a time.
 */
final class PagedAttention implements BlockAttention, AutoCloseable {

  private static final int PAGE_TOKENS = 32;

  private final LlamaConfig config;
  private final PagePool pool;
  private final KvCache cache;
  private final int[] positions;
  private final Memory memory;
  private final @Nullable Tensor ragged;
  private int[] lengths;
  private int places;
  private int[] tokenPositions = {};
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
  PagedAttention(LlamaBackend on, LlamaConfig config, int rows, int tokens, DType pages) {
    this.config = config;
    PageLayout layout = new PageLayout(pages, PAGE_TOKENS, config.kvHeads(), config.headDim());
    // One layer's lists exist twice while it forgets.
    int lists = Math.multiplyExact(config.layers() + 1, rows);
    pool = on.pool(layout, Math.multiplyExact(lists, layout.pagesFor(tokens)));
    cache = new KvCache(on.kernels(), pool, config.layers(), rows, config.kvHeads(), tokens);
    positions = new int[rows];
    lengths = new int[rows];
    memory = on.memory();
    ragged =
        rows == 1 ? null : Tensor.of(DType.I32, memory.allocate((long) rows * Integer.BYTES), rows);
    buffer = new HeadsBuffer(config, memory, rows, 1);
  }

  LlamaConfig config() {
    return config;
  }

  Memory memory() {
    return memory;
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
    places = Arrays.stream(lengths).max().orElseThrow();
    tokenPositions = new int[positions.length * places];
    for (int i = 0; i < tokenPositions.length; i++) {
      int row = i / places;
      tokenPositions[i] = i % places < lengths[row] ? positions[row] + i % places : -1;
    }
    if (ragged != null) {
      memory.upload(MemorySegment.ofArray(lengths), ragged.buffer(), 0);
    }
    if (buffer.tokens() < places) {
      buffer.close();
      buffer = new HeadsBuffer(config, memory, positions.length, places);
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
  public @Nullable Object prepare() {
    return null; // taking tokens up changes the tables between the layers
  }

  @Override
  public int[] positions() {
    return tokenPositions;
  }

  @Override
  public void attend(int layer, Streams streams) {
    streams.put(buffer, 0);
    NewTokens fresh = buffer.fresh(places, ragged);
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
    streams.take(buffer, 0);
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
    if (ragged != null) {
      ragged.buffer().close();
    }
  }
}
