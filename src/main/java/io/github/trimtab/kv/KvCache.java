package io.github.trimtab.kv;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of all layers and rows in the pages of a pool, with exact counts on the host.
 *
 * <p>Each layer and row has one list of pages that hold all heads, or, where a page holds one head,
 * a list a head. {@link #attend} reads history and new tokens where they lie; afterwards {@link
 * #store}, or one of {@link #append}, {@link #evict}, {@link #keepEnds} and {@link #compact}, says
 * what stays. Survivors are written into fresh pages before the old ones are given back, so the
 * pool holds one layer's lists twice at its peak.
 *
 * <p>Every method does all or nothing: bad input, a full pool or a failing kernel leaves cache and
 * pool as they were. Rows may share pages ({@link #share}); a page that others read is copied
 * before it is appended to.
 *
 * <p>Memory besides the pool's: two block tables a layer, made once, and scores, indices and window
 * positions, which grow to the largest eviction and stay ({@link #scratchBytes}). No key or value
 * is held outside the pool.
 *
 * <p>Threads: one at a time.
 */
public final class KvCache implements AutoCloseable {
  private final Kernels kernels;
  private final PagePool pool;
  private final int rows;
  private final int heads;
  private final int lists;
  private final int maxTokens;
  private final Buffer tables;
  // Evictions write into the back table of a layer, which then becomes its front.
  private final BlockTable[] front;
  private final BlockTable[] back;
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
    this.maxTokens = maxTokens;
    int width = layout.pagesFor(maxTokens);
    long words = BlockTable.words(rows, lists, width);
    require(
        words <= Integer.MAX_VALUE,
        "maxTokens",
        maxTokens,
        "fewer than 2^31 table entries a layer");
    this.front = new BlockTable[layers];
    this.back = new BlockTable[layers];
    this.tables = Buffer.allocate(2L * layers * words * Integer.BYTES);
    Tensor all = Tensor.of(DType.I32, tables, 2L * layers, words);
    for (int layer = 0; layer < layers; layer++) {
      front[layer] = new BlockTable(pool, all.narrow(0, 2L * layer, 1), rows, lists, width);
      back[layer] = new BlockTable(pool, all.narrow(0, 2L * layer + 1, 1), rows, lists, width);
    }
  }

  /** Layers. */
  public int layers() {
    return front.length;
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
    return maxTokens;
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
    return front[checkLayer(layer)].length(checkRow(row) * lists);
  }

  /** Tokens that a layer holds of a row's key/value head. */
  public int tokens(int layer, int row, int head) {
    int list = lists == 1 ? 0 : Objects.checkIndex(head, heads);
    return front[checkLayer(layer)].length(checkRow(row) * lists + list);
  }

  /** The pages of a layer as operations read them, until the layer changes. */
  public PagedKv view(int layer) {
    return front[checkLayer(layer)].view();
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

  /**
   * Stores a step's new tokens as a retention says; all rows alike.
   *
   * @param q queries [R,H,M,D]; read by {@link Retention.Scored} alone
   * @param fresh the step's keys and values
   */
  public void store(int layer, Tensor q, NewTokens fresh, Retention retention) {
    checkLayer(layer);
    switch (retention) {
      case Retention.All _ -> append(layer, fresh);
      case Retention.History _ -> {}
      case Retention.Ends ends -> keepEnds(layer, fresh, ends.oldest(), ends.newest());
      case Retention.Scored scored -> evict(layer, q, fresh, Collections.nCopies(rows, scored));
    }
  }

  /**
   * Writes new tokens behind those that a layer holds.
   *
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void append(int layer, NewTokens fresh) {
    BlockTable table = front[checkLayer(layer)];
    Append operation = new Append(fresh, table.view());
    int[] grown = table.lengthsAfter(fresh);
    checkLengths(grown);
    AppendPages pages = AppendPages.acquire(table, grown, pool);
    boolean done = false;
    try {
      kernels.append(operation);
      done = true;
    } finally {
      pages.finish(done);
    }
  }

  /**
   * Scores history and new tokens, and keeps of each row what its scores and its window say. Rows
   * with no more tokens than their capacity keep them all; where all rows do, this appends.
   *
   * @param q queries [R,H,Q,D]
   * @param fresh the step's keys and values, or null
   * @param retentions one for each row; their scoring is the same
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void evict(
      int layer, Tensor q, @Nullable NewTokens fresh, List<Retention.Scored> retentions) {
    BlockTable table = front[checkLayer(layer)];
    require(
        retentions.size() == rows,
        "retentions",
        retentions.size(),
        "one for each of " + rows + " rows");
    int[] all = table.rowLengthsAfter(fresh);
    int[] kept = new int[all.length];
    Arrays.setAll(
        kept, list -> Math.min(all[list], retentions.get(list / lists).capacity(list % lists)));
    checkLengths(kept);
    int[] held = new int[rows];
    Arrays.setAll(held, row -> table.length(row * lists));
    EvictionScratch.Inputs inputs = scratch.inputs(retentions, held, all, kept, heads, q.size(2));
    Score score =
        new Score(
            q,
            inputs.queryRows(),
            table.view(),
            fresh,
            inputs.window(),
            retentions.getFirst().scoring(),
            inputs.scores());
    if (Arrays.equals(all, kept)) {
      if (fresh != null) {
        append(layer, fresh);
      }
      return;
    }
    Tensor capacity = inputs.capacity();
    Tensor indices = inputs.indices();
    rewrite(layer, kept, new Evict(score, capacity, indices, back[layer].view()), kernels::evict);
  }

  /**
   * Keeps the oldest and the newest tokens of each row, new ones included; where all rows hold no
   * more, this appends.
   *
   * @param fresh the step's keys and values, or null
   * @param oldest tokens kept at the beginning, 0 or more
   * @param newest tokens kept at the end, 0 or more
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void keepEnds(int layer, @Nullable NewTokens fresh, int oldest, int newest) {
    BlockTable table = front[checkLayer(layer)];
    Retention.Ends ends = new Retention.Ends(oldest, newest);
    int[] all = table.rowLengthsAfter(fresh);
    int[] kept = new int[all.length];
    Arrays.setAll(kept, list -> ends.kept(0, all[list], 0));
    checkLengths(kept);
    Tensor indices = scratch.ends(ends, all, rows, heads);
    Compact operation = new Compact(table.view(), fresh, indices, back[layer].view());
    if (Arrays.equals(all, kept)) {
      if (fresh != null) {
        append(layer, fresh);
      }
      return;
    }
    rewrite(layer, kept, operation, kernels::compact);
  }

  /**
   * Keeps chosen tokens of each head.
   *
   * @param fresh the step's keys and values, or null
   * @param indices tokens to keep [R,G,C], I32, numbered through history and new tokens, -1 behind
   *     the last; heads that share a list keep equally many
   * @throws io.github.trimtab.memory.PoolExhaustedException if the pool has too few pages
   */
  public void compact(int layer, @Nullable NewTokens fresh, Tensor indices) {
    BlockTable table = front[checkLayer(layer)];
    int[] all = table.lengthsAfter(fresh);
    Compact operation = new Compact(table.view(), fresh, indices, back[layer].view());
    int[] kept = new int[all.length];
    for (int row = 0; row < rows; row++) {
      for (int head = 0; head < heads; head++) {
        int list = row * lists + table.view().list(head);
        int count = count(indices, row, head);
        require(
            table.view().headInPage(head) == 0 || count == kept[list],
            "indices of row " + row + ", head " + head,
            count,
            kept[list] + " tokens as the other heads of its pages keep");
        kept[list] = count;
      }
    }
    checkLengths(kept);
    rewrite(layer, kept, operation, kernels::compact);
  }

  private static int count(Tensor indices, int row, int head) {
    int count = 0;
    while (count < indices.size(2) && indices.integerAt(indices.offset(row, head, count)) >= 0) {
      count++;
    }
    return count;
  }

  /** Runs an operation that writes {@code kept[list]} tokens into fresh pages of the back table. */
  private <T> void rewrite(int layer, int[] kept, T operation, Consumer<T> kernel) {
    BlockTable from = front[layer];
    BlockTable to = back[layer];
    int wanted = 0;
    for (int tokens : kept) {
      wanted = Math.addExact(wanted, pool.layout().pagesFor(tokens));
    }
    int[] pages = pool.acquire(wanted);
    boolean done = false;
    try {
      to.fill(kept, pages);
      kernel.accept(operation);
      done = true;
    } finally {
      (done ? from : to).releaseAll(pool);
    }
    front[layer] = to;
    back[layer] = from;
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
    for (BlockTable table : front) {
      for (int list = 0; list < lists; list++) {
        table.share(fromRow * lists + list, toRow * lists + list, pool);
      }
    }
  }

  /** Empties every list and gives the pages back. */
  public void clear() {
    requireOpen();
    for (BlockTable table : front) {
      table.releaseAll(pool);
    }
  }

  /** Empties the lists of a row and gives their pages back. */
  public void clear(int row) {
    requireOpen();
    checkRow(row);
    for (BlockTable table : front) {
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
    for (BlockTable table : front) {
      for (int list = 0; list < lists; list++) {
        least = Math.min(least, table.length(row * lists + list));
      }
    }
    require(newest >= 0 && newest <= least, "newest", newest, "0 to " + least + ", all there are");
    for (BlockTable table : front) {
      for (int list = 0; list < lists; list++) {
        table.truncate(row * lists + list, newest, pool);
      }
    }
  }

  private void checkLengths(int[] tokens) {
    for (int list = 0; list < tokens.length; list++) {
      require(
          tokens[list] <= maxTokens,
          "tokens of row " + list / lists,
          tokens[list],
          "at most " + maxTokens + ", for which the cache was made");
    }
  }

  private int checkLayer(int layer) {
    requireOpen();
    require(layer >= 0 && layer < front.length, "layer", layer, "0.." + (front.length - 1));
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
