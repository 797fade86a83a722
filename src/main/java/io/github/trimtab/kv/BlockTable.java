package io.github.trimtab.kv;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The lists of one layer: page ids and lengths, as the kernels read them and as the host knows
 * them.
 *
 * <p>The host's copy is the truth. Lists are numbered row by row: row x lists + list.
 */
final class BlockTable {
  private final int[] lengths;
  private final int[] pages;
  private final int width;
  private final PagedKv view;

  /**
   * Tables over {@code words}: lists x width page ids, then one length a list.
   *
   * @param words their memory, I32, [1, integers]
   */
  BlockTable(PagePool pool, Tensor words, int rows, int lists, int width) {
    this.width = width;
    this.lengths = new int[rows * lists];
    this.pages = new int[lengths.length * width];
    Tensor table =
        Tensor.strided(
            DType.I32,
            words.buffer(),
            words.offset(),
            new long[] {rows, lists, width},
            new long[] {(long) lists * width, width, 1});
    Tensor lengthsTensor =
        Tensor.strided(
            DType.I32,
            words.buffer(),
            words.offset(0, pages.length),
            new long[] {rows, lists},
            new long[] {lists, 1});
    this.view = new PagedKv(pool.layout(), pool.slab(), pool.capacity(), table, lengthsTensor);
  }

  /** Integers that the tables of one layer take. */
  static long words(int rows, int lists, int width) {
    return (long) rows * lists * (width + 1L);
  }

  PagedKv view() {
    return view;
  }

  int length(int list) {
    return lengths[list];
  }

  /** Tokens of each list with the new ones. */
  int[] lengthsAfter(@Nullable NewTokens fresh) {
    int[] all = lengths.clone();
    if (fresh != null) {
      require(fresh.rows() == view.rows(), "fresh", fresh.k(), view.rows() + " rows");
      for (int list = 0; list < all.length; list++) {
        all[list] = Math.addExact(all[list], newTokens(fresh, list / view.lists()));
      }
    }
    return all;
  }

  /** The same where tokens are numbered by row, so that a row's heads must hold equally many. */
  int[] rowLengthsAfter(@Nullable NewTokens fresh) {
    int[] all = lengthsAfter(fresh);
    int lists = view.lists();
    for (int list = 0; list < all.length; list++) {
      int first = all[list - list % lists];
      require(
          all[list] == first,
          "tokens of row " + list / lists + ", head " + list % lists,
          all[list],
          first + " as the row's first head holds");
    }
    return all;
  }

  private static int newTokens(NewTokens fresh, int row) {
    Tensor lengths = fresh.lengths();
    if (lengths == null) {
      return fresh.capacity();
    }
    long length = lengths.integerAt(lengths.offset(row));
    require(
        length >= 0 && length <= fresh.capacity(),
        "fresh.lengths of row " + row,
        length,
        "0.." + fresh.capacity());
    return (int) length;
  }

  private static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(name + ": " + value + ", expected " + expected);
    }
  }

  void setLength(int list, int length) {
    lengths[list] = length;
    uploadLength(list);
  }

  /** Writes the host's length again, after an operation that may have changed the kernels' copy. */
  void uploadLength(int list) {
    int lists = view.lists();
    Tensor tensor = view.lengths();
    tensor.setIntegerAt(tensor.offset(list / lists, list % lists), lengths[list]);
  }

  int page(int list, int index) {
    return pages[list * width + index];
  }

  void setPage(int list, int index, int page) {
    pages[list * width + index] = page;
    Tensor table = view.table();
    int lists = view.lists();
    table.setIntegerAt(table.offset(list / lists, list % lists, index), page);
  }

  /** Pages that a list holds. */
  int pageCount(int list) {
    return view.layout().pagesFor(lengths[list]);
  }

  /** Gives the pages of a list back to their pool and empties it. */
  void release(int list, PagePool pool) {
    truncate(list, lengths[list], pool);
  }

  /** Takes the last tokens from a list and gives pages without any back to their pool. */
  void truncate(int list, int newest, PagePool pool) {
    int left = lengths[list] - newest;
    for (int i = view.layout().pagesFor(left); i < pageCount(list); i++) {
      pool.release(page(list, i));
    }
    setLength(list, left);
  }

  void releaseAll(PagePool pool) {
    for (int list = 0; list < lengths.length; list++) {
      release(list, pool);
    }
  }

  /** Gives empty lists their lengths and, in order, their pages. */
  void fill(int[] tokens, int[] fresh) {
    int next = 0;
    for (int list = 0; list < lengths.length; list++) {
      setLength(list, tokens[list]);
      for (int i = 0; i < pageCount(list); i++) {
        setPage(list, i, fresh[next++]);
      }
    }
  }

  /** Lets list {@code to} hold the pages of list {@code from}; what it held is released. */
  void share(int from, int to, PagePool pool) {
    int count = pageCount(from);
    for (int i = 0; i < count; i++) {
      pool.retain(page(from, i));
    }
    release(to, pool);
    setLength(to, lengths[from]);
    for (int i = 0; i < count; i++) {
      setPage(to, i, page(from, i));
    }
  }
}
