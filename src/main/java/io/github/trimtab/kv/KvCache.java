package io.github.trimtab.kv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Collections;
import java.util.List;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of all layers and rows in the pages of a pool, with exact counts on the host.
 *
 * <p>Each layer and row has one list of pages that hold all heads, or, where a page holds one head,
 * a list a head. {@link #attend} reads history and new tokens where they lie; afterwards {@link
 * #store} says what stays. Survivors are written into pages that hold none of them before the old
 * ones are given back, so the pool holds one layer's lists twice at its peak; where lists are long
 * or shrink to half, or where the pool has fewer pages than that, they are rewritten in portions
 * and the pool holds little more than once: {@link PageForecast} knows.
 *
 * <p>Every method does all or nothing: bad input, a full pool or a failing kernel leaves cache and
 * pool as they were; only a kernel that fails between two portions of lists leaves them empty. Rows
 * may share pages ({@link #share}); a page that others read is copied before it is appended to.
 *
 * <p>Memory besides the pool's: two block tables a layer, made once, and scores, indices and window
 * positions, which grow to the largest eviction and stay ({@link #scratchBytes}). No key or value
 * is held outside the pool.
 *
 * <p>On a device, queries and new tokens live there, and steps are enqueued without waiting; only
 * ragged lengths of new tokens are waited for, once a store, since the host counts, and policies
 * that choose on the host wait for {@link #columnSums}. What a kernel finds wrong is reported by
 * the stream, too late to undo the step.
 *
 * <p>Threads: one at a time.
 */
public final class KvCache implements AutoCloseable {
  private final Kernels kernels;
  private final PagePool pool;
  private final int rows;
  private final int heads;
  private final int lists;
  private final Memory memory;
  private final LayerTables tables;
  private final EvictionScratch scratch;
  private final LayerSteps steps;
  private boolean open = true;

  /**
   * An empty cache; takes no page yet.
   *
   * @param kernels run every operation of this cache; on a device, those of one stream
   * @param pool where the pages come from, in memory of the kernels' place; it outlives the cache,
   *     and on a device one stream at a time uses it ({@link PagePool#useOn})
   * @param layers 1 or more
   * @param rows batch rows, 1 or more
   * @param heads key/value heads: as many as a page holds, or any number where a page holds one
   * @param maxTokens most tokens of a list between two steps, 1 or more
   */
  public KvCache(Kernels kernels, PagePool pool, int layers, int rows, int heads, int maxTokens) {
    PageLayout layout = pool.layout();
    this.lists = LayerTables.lists(layout, layers, rows, heads);
    require(maxTokens >= 1, "maxTokens", maxTokens, "1 or more");
    this.kernels = kernels;
    this.pool = pool;
    this.rows = rows;
    this.heads = heads;
    long words = BlockTable.words(rows, lists, layout.pagesFor(maxTokens));
    require(
        words <= Integer.MAX_VALUE,
        "maxTokens",
        maxTokens,
        "fewer than 2^31 table entries a layer");
    this.memory = kernels.memory(pool.slab().place());
    this.tables = new LayerTables(memory, pool, layers, rows, lists, maxTokens, words);
    this.scratch = new EvictionScratch(memory, layers);
    this.steps = new LayerSteps(kernels, pool, memory, tables, scratch);
  }

  /** Layers. */
  public int layers() {
    return tables.layers();
  }

  /** Batch rows R. */
  public int rows() {
    return rows;
  }

  /** Key/value heads G. */
  public int heads() {
    return heads;
  }

  /** Most tokens of a list between two steps. */
  public int maxTokens() {
    return tables.layer(0).maxTokens();
  }

  /** The pool whose pages this cache takes; its counts are the measure of keys and values held. */
  public PagePool pool() {
    return pool;
  }

  /** Bytes of the memory for scores, indices and window positions. */
  public long scratchBytes() {
    return scratch.byteSize();
  }

  /** Tokens that a layer holds of a row. */
  public int tokens(int layer, int row) {
    return tables.layer(checkLayer(layer)).length(checkRow(row) * lists);
  }

  /** Tokens that a layer holds of a row's key/value head. */
  public int tokens(int layer, int row, int head) {
    require(head >= 0 && head < heads, "head", head, "0.." + (heads - 1));
    int list = lists == 1 ? 0 : head;
    return tables.layer(checkLayer(layer)).length(checkRow(row) * lists + list);
  }

  /** The backend that runs this cache's operations, for policies that score by themselves. */
  public Kernels kernels() {
    return kernels;
  }

  /** Where pages and tables live, and copies in the order of the operations. */
  public Memory memory() {
    return memory;
  }

  /**
   * The pages of a layer as operations read them. On a device this also brings tables and lengths
   * up to date, so ask for it before each use.
   */
  public PagedKv view(int layer) {
    return tables.layer(checkLayer(layer)).view();
  }

  /**
   * Attention over a layer's history and new tokens; every query sees all of them.
   *
   * @param q queries [R,H,M,D]
   * @param fresh the step's keys and values [R,G,M,D]; their lengths hold for the queries too
   * @param scale multiplies q.k
   * @param out result [R,H,M,D], F32
   */
  public void attend(int layer, Tensor q, NewTokens fresh, float scale, Tensor out) {
    attend(layer, q, fresh.lengths(), fresh, Mask.NONE, null, scale, out, null);
  }

  /**
   * Attention over a layer's history and new tokens, with the options of {@link Attend}, whose
   * shapes and errors hold here.
   */
  public void attend(
      int layer,
      Tensor q,
      @Nullable Tensor queryLengths,
      @Nullable NewTokens fresh,
      Mask mask,
      @Nullable Tensor parents,
      float scale,
      Tensor out,
      @Nullable Tensor lse) {
    kernels.attend(new Attend(q, queryLengths, view(layer), fresh, mask, parents, scale, out, lse));
  }

  /**
   * The attention that each token of a layer, and each new one behind them, draws from the step's
   * queries: the sums of {@link ColumnSums} on the host, for policies that choose there. Waits for
   * a device.
   *
   * @param q queries [R,H,M,D]
   * @param queryLengths valid queries of each row [R], or null: all M
   * @param fresh the step's keys, behind the layer's history
   * @param mask {@link Mask#NONE} or {@link Mask#CAUSAL}
   * @param scale multiplies q.k
   * @return sums [R,G,T], F32, 0 past a row's tokens; they hold until the cache's next operation
   */
  public Tensor columnSums(
      int layer, Tensor q, @Nullable Tensor queryLengths, NewTokens fresh, Mask mask, float scale) {
    if (steps.isPlanned()) {
      throw new IllegalStateException("a planned step has no results yet");
    }
    PagedKv history = view(layer);
    int longest = tables.layer(layer).longest();
    Tensor sums = scratch.scores(rows, heads, Math.addExact(longest, fresh.capacity()));
    kernels.columnSums(new ColumnSums(q, queryLengths, history, fresh, mask, scale, sums));
    return scratch.onHost(sums);
  }

  /** Stores a step's new tokens in all rows as one retention says. */
  public void store(int layer, @Nullable Tensor q, @Nullable NewTokens fresh, Retention retention) {
    store(layer, q, fresh, Collections.nCopies(rows, retention));
  }

  /**
   * Stores a step's new tokens, and keeps in each row what its retention says. A list that keeps
   * everything grows in place.
   *
   * @param q queries [R,H,Q,D]; read by {@link Retention.Scored} alone, and null only without it
   * @param fresh the step's keys and values, or null to forget without storing
   * @param retentions one for each row; they name unequal numbers of tokens for heads only where a
   *     page holds one head
   * @throws IllegalArgumentException if a retention does not fit the tokens, if a list would hold
   *     more than {@link #maxTokens}, or if another stream uses the pool
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void store(
      int layer,
      @Nullable Tensor q,
      @Nullable NewTokens fresh,
      List<? extends Retention> retentions) {
    store(layer, q, fresh, newTokens(fresh), retentions);
  }

  /** The same where new tokens were counted before, with {@link #newTokens}. */
  void store(
      int layer,
      @Nullable Tensor q,
      @Nullable NewTokens fresh,
      int[] newTokens,
      List<? extends Retention> retentions) {
    checkLayer(layer);
    requireOneForEachRow("retentions", retentions.size());
    require(
        q == null || (q.rank() == 4 && q.size(0) == rows && q.size(1) % heads == 0),
        "q",
        q == null ? "null" : q,
        rows + " rows and a multiple of " + heads + " heads");
    steps.store(layer, q, fresh, newTokens, retentions);
  }

  /**
   * Decides what a step on a device does to each layer before it runs.
   *
   * @param stores stores a layer's new tokens, by {@link #store} or a policy that {@linkplain
   *     EvictionPolicy#decidesAhead decides ahead}; where it fails, the cache is emptied
   * @return the step; until it is closed the cache takes no other, and rows are not cleared, cut or
   *     shared
   */
  public PlannedStep plan(IntConsumer stores) {
    requireOpen();
    return steps.plan(stores);
  }

  /** New tokens of each row, checked; counts that live on a device are waited for. */
  int[] newTokens(@Nullable NewTokens fresh) {
    requireOpen();
    if (fresh != null) {
      require(
          fresh.rows() == rows && fresh.heads() == heads,
          "fresh",
          fresh.k(),
          rows + " rows of " + heads + " heads");
    }
    return NewTokenCounts.of(memory, rows, fresh);
  }

  void requireOneForEachRow(String name, int count) {
    require(count == rows, name, count, "one for each of " + rows + " rows");
  }

  /** Where policies of this package keep what they choose by. */
  EvictionScratch scratch() {
    return scratch;
  }

  /**
   * Writes new tokens behind those that a layer holds.
   *
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void append(int layer, NewTokens fresh) {
    store(layer, null, fresh, new Retention.All());
  }

  /**
   * Writes new tokens behind those that every layer holds. On a device the tables of all layers go
   * there in one copy, and only if lists take new pages.
   *
   * @param fresh of each layer
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void append(List<NewTokens> fresh) {
    require(fresh.size() == layers(), "fresh", fresh.size(), "one for each of the layers");
    steps.append(fresh, fresh.stream().map(this::newTokens).toList());
  }

  /** Brings the tables of all layers up to date, in one copy, as {@link #view} does for one. */
  public void refresh() {
    requireOpen();
    tables.upload();
  }

  /**
   * Lets a row hold what another row holds, in all layers, without a copy; what it held is dropped.
   * Later changes of either row leave the other as it is.
   */
  public void share(int fromRow, int toRow) {
    requireNoPlan();
    checkRow(fromRow);
    if (fromRow == checkRow(toRow)) {
      return;
    }
    tables.share(fromRow, toRow);
  }

  /** Empties every list and gives the pages back. */
  public void clear() {
    requireNoPlan();
    tables.clear();
  }

  /** Empties the lists of a row and gives their pages back. */
  public void clear(int row) {
    requireNoPlan();
    checkRow(row);
    tables.clear(row);
  }

  /**
   * Forgets the newest tokens of a row in every layer, as after drafts that were rejected. Pages
   * that become empty are given back; nothing is copied.
   *
   * @param newest tokens, 0 or more and no more than any list of the row holds
   */
  public void truncate(int row, int newest) {
    requireNoPlan();
    checkRow(row);
    int least = tables.least(row);
    require(newest >= 0 && newest <= least, "newest", newest, "0 to " + least + ", all there are");
    tables.truncate(row, newest);
  }

  /** Pages that a planned step's operations will write must not be given back meanwhile. */
  private void requireNoPlan() {
    requireOpen();
    steps.requireNoPlan();
  }

  private int checkLayer(int layer) {
    requireOpen();
    require(layer >= 0 && layer < layers(), "layer", layer, "0.." + (layers() - 1));
    return layer;
  }

  private int checkRow(int row) {
    require(row >= 0 && row < rows, "row", row, "0.." + (rows - 1));
    return row;
  }

  private void requireOpen() {
    if (!open) {
      throw new IllegalStateException("the cache is closed");
    }
  }

  /**
   * Gives every page back, unless the pool is closed and has forgotten them, and frees the tables;
   * harmless when already closed.
   */
  @Override
  public void close() {
    if (open) {
      if (pool.isOpen()) {
        tables.clear();
      }
      open = false;
      tables.close();
      scratch.close();
    }
  }
}
