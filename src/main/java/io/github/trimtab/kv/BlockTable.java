package io.github.trimtab.kv;

import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

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
  private final int lists;
  private final int maxTokens;
  // Page ids of all layers, then lengths: of this layer words [first, first + pages + lengths).
  private final Mirror words;
  private final long first;
  private final PagedKv view;
  // Of those words, the range that the host wrote and operations have not been shown.
  private long changedFrom = Long.MAX_VALUE;
  private long changedTo;

  /**
   * Tables over {@code words}: lists x width page ids, then one length a list.
   *
   * @param words memory of the tables of all layers, I32
   * @param first word of this layer's
   * @param maxTokens of a list
   */
  BlockTable(PagePool pool, Mirror words, long first, int rows, int lists, int maxTokens) {
    this.words = words;
    this.first = first;
    this.lists = lists;
    this.maxTokens = maxTokens;
    this.width = pool.layout().pagesFor(maxTokens);
    this.lengths = new int[rows * lists];
    this.pages = new int[lengths.length * width];
    Tensor all = words.operand();
    this.view =
        new PagedKv(
            pool.layout(),
            pool.slab(),
            pool.capacity(),
            Tensor.at(all.offset(first), DType.I32, all.buffer(), rows, lists, width),
            Tensor.at(all.offset(first + pages.length), DType.I32, all.buffer(), rows, lists));
  }

  /** Integers that the tables of one layer take. */
  static long words(int rows, int lists, int width) {
    return (long) rows * lists * (width + 1L);
  }

  /** The lists as operations read them, brought up to date. */
  PagedKv view() {
    upload(words, this);
    return view;
  }

  /** Brings tables over the same words up to date in one copy, what lies between them included. */
  static void upload(Mirror words, BlockTable... tables) {
    if (words.isHeld()) {
      return;
    }
    long from = Long.MAX_VALUE;
    long to = 0;
    for (BlockTable table : tables) {
      from = Math.min(from, table.changedFrom);
      to = Math.max(to, table.changedTo);
      table.markShown();
    }
    if (from < to) {
      words.upload(words.host().offset(from), words.host().offset(to));
    }
  }

  /** Takes all that the host wrote for shown. */
  void markShown() {
    changedFrom = Long.MAX_VALUE;
    changedTo = 0;
  }

  /** Lists of a row. */
  int lists() {
    return lists;
  }

  /** Key/value heads of a row. */
  int heads() {
    return view.heads();
  }

  /**
   * Lists from {@code first} on as rows of their own: rows of the batch where a list holds all
   * heads, heads of a row where it holds one.
   */
  PagedKv part(int first, int count) {
    PagedKv all = view();
    if (count == lengths.length && lists == 1) {
      return all;
    }
    Tensor table = all.table();
    Tensor tokens = all.lengths();
    int row = first / lists;
    int list = first % lists;
    return new PagedKv(
        all.layout(),
        all.slab(),
        all.pages(),
        Tensor.at(table.offset(row, list), DType.I32, table.buffer(), count, 1, width),
        Tensor.at(tokens.offset(row, list), DType.I32, tokens.buffer(), count, 1));
  }

  /** Most tokens of a list. */
  int maxTokens() {
    return maxTokens;
  }

  int length(int list) {
    return lengths[list];
  }

  /** Most tokens that a list holds. */
  int longest() {
    return Arrays.stream(lengths).max().orElse(0);
  }

  /** Tokens of each list. */
  int[] lengths() {
    return lengths.clone();
  }

  void setLength(int list, int length) {
    lengths[list] = length;
    uploadLength(list);
  }

  /** Writes the host's length again, after an operation that may have changed the kernels' copy. */
  void uploadLength(int list) {
    write(pages.length + list, lengths[list]);
  }

  /** Notes a length that an operation writes where the kernels read it. */
  void noteLength(int list, int length) {
    lengths[list] = length;
    set(pages.length + list, length);
  }

  private void set(int word, int value) {
    words.host().setIntegerAt(words.host().offset(first + word), value);
  }

  private void write(int word, int value) {
    set(word, value);
    changedFrom = Math.min(changedFrom, first + word);
    changedTo = Math.max(changedTo, first + word + 1);
  }

  int page(int list, int index) {
    return pages[list * width + index];
  }

  void setPage(int list, int index, int page) {
    pages[list * width + index] = page;
    write(list * width + index, page);
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
   * Gives empty lists pages, of all lists or of none.
   *
   * @param tokens that each list will hold; below 0: the list stays empty
   * @param into old pages that lists take over, to which a reference is added
   */
  void fill(int[] tokens, RewritePages into, PagePool pool) {
    int[] fresh = pool.acquire(into.fresh());
    int next = 0;
    for (int list = 0; list < lengths.length; list++) {
      setLength(list, Math.max(tokens[list], 0));
      for (int i = 0; i < pageCount(list); i++) {
        int page = into.page(list, i);
        if (page >= 0) {
          pool.retain(page);
        }
        setPage(list, i, page >= 0 ? page : fresh[next++]);
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
