package io.github.trimtab.kv;

import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of all layers and rows in the pages of a pool, with exact counts on the host.
 *
 * <p>Each layer and row has one list of pages that hold all heads, or, where a page holds one head,
 * a list a head. {@link #attend} reads history and new tokens where they lie; afterwards {@link
 * #store} says what stays. Survivors are written into fresh pages before the old ones are given
 * back, so the pool holds one layer's lists twice at its peak.
 *
 * <p>Every method does all or nothing: bad input, a full pool or a failing kernel leaves cache and
 * pool as they were. Rows may share pages ({@link #share}); a page that others read is copied
 * before it is appended to.
 *
 * <p>Memory besides the pool's: a block table a layer and one more, made once, and scores, indices
 * and window positions, which grow to the largest eviction and stay ({@link #scratchBytes}). No key
 * or value is held outside the pool.
 *
 * <p>Threads: one at a time.
 */
public final class KvCache implements AutoCloseable {
  private final Kernels kernels;
  private final PagePool pool;
  private final int rows;
  private final int heads;
  private final int lists;
  private final Buffer tables;
  private final BlockTable[] layers;
  // Survivors are written into its lists, which then change places with a layer's.
  private final BlockTable spare;
  private final EvictionScratch scratch = new EvictionScratch();
  private boolean open = true;

  /**
   * An empty cache; takes no page yet.
   *
   * @param kernels run every operation of this cache
   * @param pool where the pages come from, on the host; it outlives the cache
   * @param layers 1 or more
   * @param rows batch rows, 1 or more
   * @param heads key/value heads: as many as a page holds, or any number where a page holds one
   * @param maxTokens most tokens of a list between two steps, 1 or more
   */
  public KvCache(Kernels kernels, PagePool pool, int layers, int rows, int heads, int maxTokens) {
    PageLayout layout = pool.layout();
    require(pool.slab().place().isHost(), "pool", pool.slab().place(), "pages on the host");
    require(layers >= 1, "layers", layers, "1 or more");
    require(rows >= 1, "rows", rows, "1 or more");
    require(
        heads >= 1 && (heads == layout.heads() || layout.heads() == 1),
        "heads",
        heads,
        layout.heads() == 1 ? "1 or more" : layout.heads() + " as a page holds");
    require(maxTokens >= 1, "maxTokens", maxTokens, "1 or more");
    this.kernels = kernels;
    this.pool = pool;
    this.rows = rows;
    this.heads = heads;
    this.lists = heads == layout.heads() ? 1 : heads;
    long words = BlockTable.words(rows, lists, layout.pagesFor(maxTokens));
    require(
        words <= Integer.MAX_VALUE,
        "maxTokens",
        maxTokens,
        "fewer than 2^31 table entries a layer");
    this.layers = new BlockTable[layers];
    this.tables = Buffer.allocate((layers + 1L) * words * Integer.BYTES);
    Tensor all = Tensor.of(DType.I32, tables, layers + 1L, words);
    for (int layer = 0; layer < layers; layer++) {
      this.layers[layer] = new BlockTable(pool, all.narrow(0, layer, 1), rows, lists, maxTokens);
    }
    this.spare = new BlockTable(pool, all.narrow(0, layers, 1), rows, lists, maxTokens);
  }

  /** Layers. */
  public int layers() {
    return layers.length;
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
    return spare.maxTokens();
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
    return layers[checkLayer(layer)].length(checkRow(row) * lists);
  }

  /** Tokens that a layer holds of a row's key/value head. */
  public int tokens(int layer, int row, int head) {
    int list = lists == 1 ? 0 : Objects.checkIndex(head, heads);
    return layers[checkLayer(layer)].length(checkRow(row) * lists + list);
  }

  /** The backend that runs this cache's operations, for policies that score by themselves. */
  public Kernels kernels() {
    return kernels;
  }

  /** The pages of a layer as operations read them. */
  public PagedKv view(int layer) {
    return layers[checkLayer(layer)].view();
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

  /** Attention over a layer's history and new tokens, with the options of {@link Attend}. */
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
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void store(
      int layer,
      @Nullable Tensor q,
      @Nullable NewTokens fresh,
      List<? extends Retention> retentions) {
    checkLayer(layer);
    require(
        retentions.size() == rows,
        "retentions",
        retentions.size(),
        "one for each of " + rows + " rows");
    require(
        q == null || (q.rank() == 4 && q.size(0) == rows && q.size(1) % heads == 0),
        "q",
        q == null ? "null" : q,
        rows + " rows and a multiple of " + heads + " heads");
    new LayerChange(layers[layer], spare, scratch, q, fresh, retentions).run(kernels, pool);
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
   * Lets a row hold what another row holds, in all layers, without a copy; what it held is dropped.
   * Later changes of either row leave the other as it is.
   */
  public void share(int fromRow, int toRow) {
    requireOpen();
    checkRow(fromRow);
    if (fromRow == checkRow(toRow)) {
      return;
    }
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        table.share(fromRow * lists + list, toRow * lists + list, pool);
      }
    }
  }

  /** Empties every list and gives the pages back. */
  public void clear() {
    requireOpen();
    for (BlockTable table : layers) {
      table.releaseAll(pool);
    }
  }

  /** Empties the lists of a row and gives their pages back. */
  public void clear(int row) {
    requireOpen();
    checkRow(row);
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        table.release(row * lists + list, pool);
      }
    }
  }

  /**
   * Forgets the newest tokens of a row in every layer, as after drafts that were rejected. Pages
   * that become empty are given back; nothing is copied.
   *
   * @param newest tokens, 0 or more and no more than any list of the row holds
   */
  public void truncate(int row, int newest) {
    requireOpen();
    checkRow(row);
    int least = Integer.MAX_VALUE;
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        least = Math.min(least, table.length(row * lists + list));
      }
    }
    require(newest >= 0 && newest <= least, "newest", newest, "0 to " + least + ", all there are");
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        table.truncate(row * lists + list, newest, pool);
      }
    }
  }

  private int checkLayer(int layer) {
    requireOpen();
    require(layer >= 0 && layer < layers.length, "layer", layer, "0.." + (layers.length - 1));
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

  private static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(name + ": " + value + ", expected " + expected);
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
        clear();
      }
      open = false;
      tables.close();
      scratch.close();
    }
  }
}
