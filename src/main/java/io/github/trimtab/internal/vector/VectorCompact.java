package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.HostChecks;
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
 * of its pages, in blocks of about one source page: keys of all heads, then values of all heads, so
 * that the source is read in the order in which it lies in memory.
 */
final class VectorCompact {
  /** Places of a list in one task. */
  private static final int PLACES = 128;

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
    int to = (int) Math.min(indices.size(2), from + PLACES);
    int block = block(history, indices, row, list);
    for (int place = from; place < to; place += block) {
      int end = Math.min(to, place + block);
      boolean whole =
          history != null
              && history.layout().dtype() == target.layout().dtype()
              && copy(history, indices, target, row, list, place, end, own);
      if (!whole) {
        convert(history, fresh, indices, target, row, list, place, end, own);
      }
    }
  }

  /** Places that come from about one source page, if survivors lie evenly. */
  private static int block(@Nullable PagedKv history, Tensor indices, int row, int head) {
    int tokens = Math.max(KvAccess.historyTokens(history, row, head), 1);
    long ofPage = history == null ? PLACES : history.layout().tokens();
    return Math.clamp(kept(indices, row, head) * ofPage / tokens, 8, PLACES);
  }

  /**
   * Moves codes and scales of history as they are; returns whether every place up to {@code to}
   * came from there.
   */
  private static boolean copy(
      PagedKv history,
      Tensor indices,
      PagedKv target,
      int row,
      int list,
      int from,
      int to,
      Workspace own) {
    PageLayout layout = target.layout();
    MemorySegment source = history.slab().segment();
    MemorySegment slab = target.slab().segment();
    long[] offsets = own.longs(2 * layout.heads() * (to - from));
    int n = 0;
    for (int h = 0; h < layout.heads(); h++) {
      int head = target.lists() == 1 ? h : list;
      n = offsets(history, indices, target, row, head, from, to, offsets, n);
    }
    int bytes = (int) layout.tokenBytes();
    long fromValue = KvAccess.keyToValue(history);
    long toValue = KvAccess.keyToValue(target);
    RowCopy.rows(source, 0, slab, 0, offsets, n / 2, bytes);
    RowCopy.rows(source, fromValue, slab, toValue, offsets, n / 2, bytes);
    return n == 2 * layout.heads() * (to - from);
  }

  /**
   * Appends where the keys of a head's survivors lie and where they go, and moves their scales;
   * returns how many offsets there are.
   */
  private static int offsets(
      PagedKv history,
      Tensor indices,
      PagedKv target,
      int row,
      int head,
      int from,
      int to,
      long[] offsets,
      int n) {
    int historyTokens = KvAccess.historyTokens(history, row, head);
    int pageTokens = history.layout().tokens();
    int targetTokens = target.layout().tokens();
    long bytes = target.layout().tokenBytes();
    boolean scaled = target.layout().dtype().isQuantized();
    MemorySegment chosen = indices.segment();
    long at = indices.offset(row, head, from);
    int page = -1;
    long firstKey = 0;
    long toKey = 0;
    for (int place = from; place < to; place++) {
      int token = chosen.get(ValueLayout.JAVA_INT_UNALIGNED, at);
      at += Integer.BYTES;
      if (place == from || place % targetTokens == 0) {
        toKey = KvAccess.key(target, row, head, place);
      }
      if (token < 0) {
        break;
      }
      if (token < historyTokens) {
        if (token / pageTokens != page) {
          page = token / pageTokens;
          firstKey = KvAccess.key(history, row, head, page * pageTokens);
        }
        offsets[n++] = firstKey + token % pageTokens * bytes;
        offsets[n++] = toKey;
        if (scaled) {
          copyScales(history, token, target, place, row, head);
        }
      }
      toKey += bytes;
    }
    return n;
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
      int list,
      int from,
      int to,
      Workspace own) {
    PageLayout layout = target.layout();
    boolean copied = history != null && history.layout().dtype() == layout.dtype();
    for (int h = 0; h < layout.heads(); h++) {
      int head = target.lists() == 1 ? h : list;
      int historyTokens = KvAccess.historyTokens(history, row, head);
      for (int place = from; place < to; place++) {
        int token = KvAccess.at(indices, row, head, place);
        if (token < 0) {
          break;
        }
        if (fresh != null && token >= historyTokens) {
          int newToken = token - historyTokens;
          PageWriter.write(fresh.k(), row, head, newToken, target, place, false, own);
          PageWriter.write(fresh.values(), row, head, newToken, target, place, true, own);
        } else if (history != null && !copied) {
          float[] x = own.floats(Floats.ROW, layout.headDim());
          Source.read(history, null, row, head, token, 1, false, x, layout.headDim());
          PageWriter.write(x, target, row, head, place, false);
          Source.read(history, null, row, head, token, 1, true, x, layout.headDim());
          PageWriter.write(x, target, row, head, place, true);
        }
      }
    }
  }
}
