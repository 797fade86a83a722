package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.HostChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** Writes new tokens behind those in pages, a head a task. */
final class VectorAppend {
  private VectorAppend() {}

  static void run(Append op, Workers workers, Workspace shared) {
    HostChecks.check(op);
    PagedKv target = op.target();
    workers.run(op, target.rows() * target.heads(), shared, VectorAppend::task);
    for (int row = 0; row < target.rows(); row++) {
      int count = KvAccess.newTokens(op.fresh(), row);
      for (int list = 0; list < target.lists(); list++) {
        long place = target.lengths().offset(row, list);
        target.lengths().setIntegerAt(place, target.lengths().integerAt(place) + count);
      }
    }
  }

  private static void task(Append op, int index, Workspace shared, Workspace own) {
    NewTokens fresh = op.fresh();
    PagedKv target = op.target();
    int row = index / target.heads();
    int head = index % target.heads();
    int count = KvAccess.newTokens(fresh, row);
    int length = KvAccess.historyTokens(target, row, head);
    part(fresh.k(), false, target, row, head, length, count, own);
    part(fresh.values(), true, target, row, head, length, count, own);
  }

  private static void part(
      Tensor tokens,
      boolean values,
      PagedKv target,
      int row,
      int head,
      int length,
      int count,
      Workspace own) {
    if (tokens.dtype() == target.layout().dtype()) {
      copy(tokens, values, target, row, head, length, count);
      return;
    }
    int headDim = target.layout().headDim();
    float[] x = own.floats(Floats.ROW, headDim);
    for (int t = 0; t < count; t++) {
      Source.tensor(tokens, row, head, t, 1, x, 0, headDim);
      PageWriter.write(target, row, head, length + t, values, x);
    }
  }

  private static void copy(
      Tensor tokens, boolean values, PagedKv target, int row, int head, int length, int count) {
    MemorySegment source = tokens.segment();
    MemorySegment slab = target.slab().segment();
    int bytes = (int) target.layout().tokenBytes();
    long part = values ? KvAccess.keyToValue(target) : 0;
    for (int t = 0; t < count; t++) {
      long to = KvAccess.key(target, row, head, length + t) + part;
      RowCopy.row(source, tokens.offset(row, head, t), slab, to, bytes);
    }
  }
}
