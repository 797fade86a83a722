package io.github.trimtab.kv;

import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PagePool;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * The pages that lists grow into: new ones behind the old, and copies of last pages that others
 * read. Entered into the table at once, and kept or undone when the append is finished.
 */
final class AppendPages {
  private static final int NOT_COPIED = -1;

  private final BlockTable table;
  private final int[] grown;
  private final PagePool pool;
  private final int[] acquired;
  // The shared last page of each list that is copied.
  private final int[] sharedTails;
  private final List<Integer> copies = new ArrayList<>();

  private AppendPages(
      BlockTable table, int[] grown, PagePool pool, int[] acquired, int[] sharedTails) {
    this.table = table;
    this.grown = grown;
    this.pool = pool;
    this.acquired = acquired;
    this.sharedTails = sharedTails;
  }

  /**
   * Takes the pages for lists that grow to {@code grown} tokens, all of them or none.
   *
   * @param work is given the copies of shared pages
   */
  static AppendPages acquire(
      BlockTable table, int[] grown, PagePool pool, Memory memory, Consumer<Runnable> work) {
    int[] sharedTails = new int[grown.length];
    Arrays.fill(sharedTails, NOT_COPIED);
    int wanted = 0;
    for (int list = 0; list < grown.length; list++) {
      wanted += pool.layout().pagesFor(grown[list]) - table.pageCount(list);
      if (writesIntoSharedPage(table, list, grown[list], pool, sharedTails)) {
        sharedTails[list] = table.page(list, table.pageCount(list) - 1);
        wanted++;
      }
    }
    AppendPages pages = new AppendPages(table, grown, pool, pool.acquire(wanted), sharedTails);
    try {
      pages.enter(memory, work);
    } catch (RuntimeException | Error e) {
      pages.finish(false);
      throw e;
    }
    return pages;
  }

  private static boolean writesIntoSharedPage(
      BlockTable table, int list, int grown, PagePool pool, int[] sharedTails) {
    int length = table.length(list);
    if (grown == length || length % pool.layout().tokens() == 0) {
      return false;
    }
    int tail = table.page(list, table.pageCount(list) - 1);
    // Lists that copy the page in this append no longer read it: the last one may write in place.
    int leaving = 0;
    for (int earlier = 0; earlier < list; earlier++) {
      leaving += sharedTails[earlier] == tail ? 1 : 0;
    }
    return pool.references(tail) - leaving > 1;
  }

  private void enter(Memory memory, Consumer<Runnable> work) {
    int next = 0;
    for (int list = 0; list < grown.length; list++) {
      int count = table.pageCount(list);
      if (sharedTails[list] != NOT_COPIED) {
        int copy = acquired[next++];
        int shared = sharedTails[list];
        work.accept(() -> copyPage(shared, copy, memory));
        copies.addAll(List.of(shared, copy));
        table.setPage(list, count - 1, copy);
      }
      for (int i = count; i < pool.layout().pagesFor(grown[list]); i++) {
        table.setPage(list, i, acquired[next++]);
      }
    }
  }

  /** The pages that are copied, each followed by its copy. */
  List<Integer> copies() {
    return copies;
  }

  private void copyPage(int from, int to, Memory memory) {
    long bytes = pool.layout().pageBytes();
    memory.copy(pool.slab(), from * bytes, pool.slab(), to * bytes, bytes);
  }

  /** Keeps the new lengths and drops what was copied, or, where the append failed, undoes all. */
  void finish(boolean done) {
    if (!done) {
      undo();
      return;
    }
    for (int list = 0; list < grown.length; list++) {
      if (sharedTails[list] != NOT_COPIED) {
        pool.release(sharedTails[list]);
      }
      table.noteLength(list, grown[list]);
    }
  }

  private void undo() {
    for (int page : acquired) {
      pool.release(page);
    }
    for (int list = 0; list < grown.length; list++) {
      if (sharedTails[list] != NOT_COPIED) {
        table.setPage(list, table.pageCount(list) - 1, sharedTails[list]);
      }
      table.uploadLength(list);
    }
  }
}
