package io.github.trimtab.kv;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
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
  private final int maxTokens;
  private final PagedKv view;

  /**
   * Tables over {@code words}: lists x width page ids, then one length a list.
   *
   * @param words their memory, I32, [1, integers]
   * @param maxTokens of a list
   */
  BlockTable(PagePool pool, Tensor words, int rows, int lists, int maxTokens) {
    this.maxTokens = maxTokens;
    this.width = pool.layout().pagesFor(maxTokens);
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

  /**
   * Lists from {@code first} on as rows of their own: rows of the batch where a list holds all
   * heads, heads of a row where it holds one.
   */
  PagedKv part(int first, int count) {
    if (count == lengths.length && view.lists() == 1) {
      return view;
    }
    Tensor table = view.table();
    Tensor tokens = view.lengths();
    int lists = view.lists();
    Tensor partOfTable =
        Tensor.strided(
            DType.I32,
            table.buffer(),
            table.offset(first / lists, first % lists),
            new long[] {count, 1, width},
            new long[] {width, width, 1});
    Tensor partOfTokens =
        Tensor.strided(
            DType.I32,
            tokens.buffer(),
            tokens.offset(first / lists, first % lists),
            new long[] {count, 1},
            new long[] {1, 1});
    return new PagedKv(view.layout(), view.slab(), view.pages(), partOfTable, partOfTokens);
  }

  /** Most tokens of a list. */
  int maxTokens() {
    return maxTokens;
  }

  int length(int list) {
    return lengths[list];
  }

  /** Tokens of each list. */
  int[] lengths() {
    return lengths.clone();
  }

  /** New tokens of each list; 0 without any. */
  int[] newTokens(@Nullable NewTokens fresh) {
    int[] tokens = new int[lengths.length];
    if (fresh != null) {
      require(
          fresh.rows() == view.rows() && fresh.heads() == view.heads(),
          "fresh",
          fresh.k(),
          view.rows() + " rows of " + view.heads() + " heads");
      Arrays.setAll(tokens, list -> newTokens(fresh, list / view.lists()));
    }
    return tokens;
  }

  /** New tokens of a row. */
  static int newTokens(NewTokens fresh, int row) {
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

  /**
   * Gives empty lists fresh pages, of all lists or of none.
   *
   * @param tokens that each list will hold; below 0: the list stays empty
   */
  void fill(int[] tokens, PagePool pool) {
    int wanted = 0;
    for (int count : tokens) {
      wanted = Math.addExact(wanted, pool.layout().pagesFor(Math.max(count, 0)));
    }
    int[] fresh = pool.acquire(wanted);
    int next = 0;
    for (int list = 0; list < lengths.length; list++) {
      setLength(list, Math.max(tokens[list], 0));
      for (int i = 0; i < pageCount(list); i++) {
        setPage(list, i, fresh[next++]);
      }
    }
  }

  /** Lets a list change places with the same list of another table. */
  void exchange(int list, BlockTable other) {
    int count = Math.max(pageCount(list), other.pageCount(list));
    int length = length(list);
    setLength(list, other.length(list));
    other.setLength(list, length);
    for (int i = 0; i < count; i++) {
      int page = page(list, i);
      setPage(list, i, other.page(list, i));
      other.setPage(list, i, page);
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
