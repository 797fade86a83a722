package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.AppendChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;

/** Writes new tokens behind those in pages, a head a task. */
final class VectorAppend {
  private VectorAppend() {}

  static void run(Append op, Workers workers, Workspace shared) {
    AppendChecks.check(op);
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
    PageWriter.write(fresh.k(), row, head, 0, count, target, length, false, own);
    PageWriter.write(fresh.values(), row, head, 0, count, target, length, true, own);
  }
}
