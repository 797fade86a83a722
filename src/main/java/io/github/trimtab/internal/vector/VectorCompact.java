package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.HostChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Copies chosen tokens into fresh pages. A task takes a range of places of a target list, all heads
 * of its pages. Where a row lies is found out in the loop that moves it, so that the next rows are
 * already asked for while one is under way.
 */
final class VectorCompact {
  /** Places of a list in one task. */
  private static final int PLACES = 256;

  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private VectorCompact() {}

  static void run(Compact op, Workers workers, Workspace shared) {
    HostChecks.check(op);
    workers.run(op, tasks(op.indices(), op.target()), shared, VectorCompact::task);
    setLengths(op.indices(), op.target());
  }

  private static void task(Compact op, int index, Workspace shared, Workspace own) {
    task(op.history(), op.fresh(), op.indices(), op.target(), index, own);
  }

  /** Tasks of a compaction. */
  static int tasks(Tensor indices, PagedKv target) {
    return target.rows() * target.lists() * tasksOfList(indices);
  }

  private static int tasksOfList(Tensor indices) {
    return Math.ceilDiv((int) indices.size(2), PLACES);
  }

  /** Sets the target's lengths to the counts of indices. */
  static void setLengths(Tensor indices, PagedKv target) {
    for (int row = 0; row < target.rows(); row++) {
      for (int list = 0; list < target.lists(); list++) {
        long place = target.lengths().offset(row, list);
        target.lengths().setIntegerAt(place, kept(indices, row, list));
      }
    }
  }

  /** Places before the first -1. */
  private static int kept(Tensor indices, int row, int head) {
    int low = 0;
    int high = (int) indices.size(2);
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (KvAccess.at(indices, row, head, middle) >= 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** Runs one of the {@link #tasks}. */
  static void task(
      @Nullable PagedKv history,
      @Nullable NewTokens fresh,
      Tensor indices,
      PagedKv target,
      int index,
      Workspace own) {
    int tasks = tasksOfList(indices);
    int list = index / tasks % target.lists();
    int row = index / tasks / target.lists();
    int from = index % tasks * PLACES;
    boolean alike = history != null && history.layout().dtype() == target.layout().dtype();
    PagedKv exact = alike ? history : null;
    for (int h = 0; h < target.layout().heads(); h++) {
      int head = target.lists() == 1 ? h : list;
      int to = Math.min(kept(indices, row, head), from + PLACES);
      if (exact != null && (h == 0 || exact.lists() > 1)) {
        lookUpPages(exact, target, row, head, from, to, own);
      }
      boolean whole = exact != null && copy(exact, indices, target, row, head, from, to, own);
      if (!whole) {
        convert(history, fresh, indices, target, row, head, from, to, own);
      }
    }
  }

  // Where rows lie is found out before they move, and without branches that a processor could guess
  // wrong: the loop that moves them then keeps many under way. The workspace's longs hold the
  // source list's pages, the target list's pages from the first place on, and the rows' offsets.

  private static long[] places(int sourcePages, int targetPages, Workspace own) {
    return own.longs(sourcePages + targetPages + 2 * PLACES);
  }

  private static void lookUpPages(
      PagedKv history, PagedKv target, int row, int head, int from, int to, Workspace own) {
    int sourcePages = history.layout().pagesFor(KvAccess.historyTokens(history, row, head));
    int first = from / target.layout().tokens();
    int targetPages = target.layout().pagesFor(to) - first;
    long[] places = places(sourcePages, targetPages, own);
    for (int i = 0; i < sourcePages; i++) {
      places[i] = KvAccess.page(history, row, history.list(head), i);
    }
    for (int i = 0; i < targetPages; i++) {
      places[sourcePages + i] = KvAccess.page(target, row, target.list(head), first + i);
    }
  }

  /**
   * Moves codes and scales of a head's history as they are; returns whether every place up to
   * {@code to} came from there.
   */
  private static boolean copy(
      PagedKv history,
      Tensor indices,
      PagedKv target,
      int row,
      int head,
      int from,
      int to,
      Workspace own) {
    int historyTokens = KvAccess.historyTokens(history, row, head);
    if (historyTokens == 0 || from >= to) {
      return from >= to;
    }
    int sourcePages = history.layout().pagesFor(historyTokens);
    int first = from / target.layout().tokens();
    int targetPages = target.layout().pagesFor(to) - first;
    long[] places = places(sourcePages, targetPages, own);
    int rows = sourcePages + targetPages;
    long fromHead = history.layout().keys(history.headInPage(head));
    long toHead = target.layout().keys(target.headInPage(head));
    long bytes = target.layout().tokenBytes();
    // Page sizes are powers of two.
    int sourceTokens = history.layout().tokens();
    int sourceShift = Integer.numberOfTrailingZeros(sourceTokens);
    int targetTokens = target.layout().tokens();
    int targetShift = Integer.numberOfTrailingZeros(targetTokens);
    MemorySegment chosen = indices.segment();
    long at = indices.offset(row, head, from);
    int n = 0;
    for (int place = from; place < to; place++) {
      int token = chosen.get(ValueLayout.JAVA_INT_UNALIGNED, at);
      at += Integer.BYTES;
      int source = Math.min(token, historyTokens - 1);
      places[rows + 2 * n] =
          places[source >> sourceShift] + fromHead + (source & (sourceTokens - 1)) * bytes;
      places[rows + 2 * n + 1] =
          places[sourcePages + (place >> targetShift) - first]
              + toHead
              + (place & (targetTokens - 1)) * bytes;
      n += source == token ? 1 : 0;
    }
    RowCopy.pairs(
        history.slab().segment(),
        KvAccess.keyToValue(history),
        target.slab().segment(),
        KvAccess.keyToValue(target),
        places,
        rows,
        n,
        (int) bytes);
    if (target.layout().dtype().isQuantized()) {
      for (int place = from; place < to; place++) {
        int token = KvAccess.at(indices, row, head, place);
        if (token < historyTokens) {
          copyScales(history, token, target, place, row, head);
        }
      }
    }
    return n == to - from;
  }

  private static void copyScales(
      PagedKv history, int token, PagedKv target, int place, int row, int head) {
    MemorySegment source = history.slab().segment();
    MemorySegment slab = target.slab().segment();
    long from = KvAccess.keyScale(history, row, head, token);
    long to = KvAccess.keyScale(target, row, head, place);
    slab.set(SHORT, to, source.get(SHORT, from));
    long fromValue = from + KvAccess.keyToValue(history);
    slab.set(SHORT, to + KvAccess.keyToValue(target), source.get(SHORT, fromValue));
  }

  /** Writes what {@link #copy} leaves: history in another format, and new tokens. */
  private static void convert(
      @Nullable PagedKv history,
      @Nullable NewTokens fresh,
      Tensor indices,
      PagedKv target,
      int row,
      int head,
      int from,
      int to,
      Workspace own) {
    int historyTokens = KvAccess.historyTokens(history, row, head);
    int headDim = target.layout().headDim();
    for (int place = from; place < to; place++) {
      int token = KvAccess.at(indices, row, head, place);
      if (fresh != null && token >= historyTokens) {
        int newToken = token - historyTokens;
        PageWriter.write(fresh.k(), row, head, newToken, target, place, false, own);
        PageWriter.write(fresh.values(), row, head, newToken, target, place, true, own);
      } else if (history != null) {
        float[] x = own.floats(Floats.ROW, headDim);
        Source.read(history, null, row, head, token, 1, false, x, headDim);
        PageWriter.write(x, target, row, head, place, false);
        Source.read(history, null, row, head, token, 1, true, x, headDim);
        PageWriter.write(x, target, row, head, place, true);
      }
    }
  }
}
