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
import org.jspecify.annotations.Nullable;

/** Copies chosen tokens into fresh pages, a head a task. */
final class VectorCompact {
  private VectorCompact() {}

  static void run(Compact op, Workers workers, Workspace shared) {
    HostChecks.check(op);
    PagedKv target = op.target();
    workers.run(op, target.rows() * target.heads(), shared, VectorCompact::task);
    setLengths(op.indices(), target);
  }

  private static void task(Compact op, int index, Workspace shared, Workspace own) {
    int heads = op.target().heads();
    head(op.history(), op.fresh(), op.indices(), op.target(), index / heads, index % heads, own);
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

  private static int kept(Tensor indices, int row, int head) {
    int n = 0;
    while (n < indices.size(2) && KvAccess.at(indices, row, head, n) >= 0) {
      n++;
    }
    return n;
  }

  /** Copies the tokens that {@code indices} names for one head. */
  static void head(
      @Nullable PagedKv history,
      @Nullable NewTokens fresh,
      Tensor indices,
      PagedKv target,
      int row,
      int head,
      Workspace own) {
    int kept = kept(indices, row, head);
    int historyTokens = KvAccess.historyTokens(history, row, head);
    int copied = 0;
    if (history != null && history.layout().dtype() == target.layout().dtype()) {
      long[] from = own.longs(kept);
      while (copied < kept) {
        int token = KvAccess.at(indices, row, head, copied);
        if (token >= historyTokens) {
          break;
        }
        from[copied++] = KvAccess.key(history, row, head, token);
      }
      copyParts(history, from, copied, target, row, head);
      copyScales(history, indices, copied, target, row, head);
    }
    if (copied < kept) {
      convert(history, fresh, indices, copied, kept, target, row, head, own);
    }
  }

  /** Moves the codes of tokens 0..n-1 of the target, keys then values, a page at a time. */
  private static void copyParts(
      PagedKv history, long[] from, int n, PagedKv target, int row, int head) {
    MemorySegment source = history.slab().segment();
    MemorySegment slab = target.slab().segment();
    int tokens = target.layout().tokens();
    int bytes = (int) target.layout().tokenBytes();
    long fromValue = KvAccess.keyToValue(history);
    long toValue = KvAccess.keyToValue(target);
    for (int t = 0; t < n; t += tokens) {
      int end = Math.min(n, t + tokens);
      long to = KvAccess.key(target, row, head, t);
      RowCopy.gather(source, from, t, end, 0, slab, to, bytes);
      RowCopy.gather(source, from, t, end, fromValue, slab, to + toValue, bytes);
    }
  }

  private static void copyScales(
      PagedKv history, Tensor indices, int n, PagedKv target, int row, int head) {
    if (!target.layout().dtype().isQuantized()) {
      return;
    }
    MemorySegment source = history.slab().segment();
    MemorySegment slab = target.slab().segment();
    long fromValue = KvAccess.keyToValue(history);
    long toValue = KvAccess.keyToValue(target);
    for (int t = 0; t < n; t++) {
      long from = KvAccess.keyScale(history, row, head, KvAccess.at(indices, row, head, t));
      long to = KvAccess.keyScale(target, row, head, t);
      MemorySegment.copy(source, from, slab, to, Short.BYTES);
      MemorySegment.copy(source, from + fromValue, slab, to + toValue, Short.BYTES);
    }
  }

  /** Reads tokens in any format and writes them in the target's. */
  private static void convert(
      @Nullable PagedKv history,
      @Nullable NewTokens fresh,
      Tensor indices,
      int from,
      int to,
      PagedKv target,
      int row,
      int head,
      Workspace own) {
    PageLayout layout = target.layout();
    float[] x = own.floats(Floats.ROW, layout.headDim());
    for (int t = from; t < to; t++) {
      int token = KvAccess.at(indices, row, head, t);
      Source.read(history, fresh, row, head, token, 1, false, x, layout.headDim());
      PageWriter.write(target, row, head, t, false, x);
      Source.read(history, fresh, row, head, token, 1, true, x, layout.headDim());
      PageWriter.write(target, row, head, t, true, x);
    }
  }
}
