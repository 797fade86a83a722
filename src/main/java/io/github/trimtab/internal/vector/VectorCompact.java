package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CompactChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Copies chosen tokens into fresh pages. A task takes a range of places of a target list, all heads
 * of its pages. Where rows lie is found out before they move, for all heads and without branches
 * that a processor could guess wrong: one loop then moves them and keeps many under way.
 */
final class VectorCompact {
  /** Places of a list in one task: few enough that two threads end together. */
  private static final int PLACES = 64;

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  private VectorCompact() {}

  static void run(Compact op, Workers workers, Workspace shared) {
    CompactChecks.check(op);
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
    int firstHead = target.lists() == 1 ? 0 : list;
    int end = firstHead + target.layout().heads();
    int to = Math.min(kept(indices, row, firstHead), from + PLACES);
    boolean exact = history != null && history.layout().dtype() == target.layout().dtype();
    if (history != null && exact) {
      copy(history, indices, target, row, firstHead, from, to, own);
    }
    if (fresh != null || !exact) {
      for (int head = firstHead; head < end; head++) {
        convert(exact, history, fresh, indices, target, row, head, from, to, own);
      }
    }
  }

  /** Moves codes and scales of the history as they are, all heads of the list. */
  private static void copy(
      PagedKv history,
      Tensor indices,
      PagedKv target,
      int row,
      int firstHead,
      int from,
      int to,
      Workspace own) {
    int end = firstHead + target.layout().heads();
    int count = 0;
    for (int head = firstHead; head < end; head++) {
      count = find(history, indices, target, row, head, from, to, count, own);
    }
    RowCopy.pairs(
        history.slab().segment(),
        KvAccess.keyToValue(history),
        target.slab().segment(),
        KvAccess.keyToValue(target),
        own.longs(0),
        count,
        (int) target.layout().tokenBytes());
    for (int head = firstHead; target.layout().dtype().isQuantized() && head < end; head++) {
      int historyTokens = KvAccess.historyTokens(history, row, head);
      for (int place = from; place < to; place++) {
        int token = KvAccess.at(indices, row, head, place);
        if (token < historyTokens) {
          copyScales(history, token, target, place, row, head);
        }
      }
    }
  }

  /**
   * Puts the offsets of a head's rows behind those of {@code count} others and returns how many
   * there are then. The workspace's longs hold such pairs, and behind them the offsets of the
   * source list's pages.
   */
  private static int find(
      PagedKv history,
      Tensor indices,
      PagedKv target,
      int row,
      int head,
      int from,
      int to,
      int count,
      Workspace own) {
    PageLayout source = history.layout();
    int historyTokens = KvAccess.historyTokens(history, row, head);
    if (historyTokens == 0) {
      return count;
    }
    int pairs = 2 * PLACES * target.layout().heads();
    // As large for every head: an array that grew would have lost what others left in it.
    long[] places = own.longs(pairs + source.pagesFor(history.capacity()));
    if (count == 0 || history.lists() > 1) {
      for (int i = 0; i < source.pagesFor(historyTokens); i++) {
        places[pairs + i] = KvAccess.page(history, row, history.list(head), i);
      }
    }
    long keys = source.keys(history.headInPage(head));
    long bytes = source.tokenBytes();
    int inPage = source.tokens() - 1; // page sizes are powers of two
    int shift = Integer.bitCount(inPage);
    MemorySegment chosen = indices.segment();
    int targetTokens = target.layout().tokens();
    for (int place = from; place < to; place += targetTokens) {
      long at = indices.offset(row, head, place);
      long step = Integer.BYTES * indices.stride(2);
      long write = KvAccess.key(target, row, head, place);
      int n = Math.min(targetTokens, to - place);
      for (int i = 0; i < n; i++) {
        int token = chosen.get(INT, at + i * step);
        int known = Math.min(token, historyTokens - 1);
        places[2 * count] = places[pairs + (known >> shift)] + keys + (known & inPage) * bytes;
        places[2 * count + 1] = write + i * bytes;
        count += known == token ? 1 : 0;
      }
    }
    return count;
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
      boolean exact,
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
        PageWriter.write(fresh.k(), row, head, newToken, 1, target, place, false, own);
        PageWriter.write(fresh.values(), row, head, newToken, 1, target, place, true, own);
      } else if (history != null && !exact) {
        float[] x = own.floats(Floats.ROW, headDim);
        Source.read(history, null, row, head, token, 1, false, x, headDim);
        PageWriter.write(x, 1, target, row, head, place, false);
        Source.read(history, null, row, head, token, 1, true, x, headDim);
        PageWriter.write(x, 1, target, row, head, place, true);
      }
    }
  }
}
