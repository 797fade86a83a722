package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** Copies chosen weight rows side by side, some a task. */
final class VectorPack {
  /** Rows of a task. */
  private static final int ROWS = 256;

  private VectorPack() {}

  static void run(Pack op, Workers workers, Workspace shared) {
    HeadChecks.check(op);
    workers.run(op, Math.ceilDiv(op.to().rows(), ROWS), shared, VectorPack::task);
  }

  private static void task(Pack op, int index, Workspace shared, Workspace own) {
    int from = index * ROWS;
    int to = Math.min(from + ROWS, op.to().rows());
    copy(op, op.from().codes(), op.to().codes(), from, to);
    Tensor scales = op.from().scales();
    Tensor toScales = op.to().scales();
    if (scales != null && toScales != null) {
      copy(op, scales, toScales, from, to);
    }
  }

  private static void copy(Pack op, Tensor from, Tensor to, int first, int end) {
    MemorySegment source = from.segment();
    MemorySegment target = to.segment();
    long bytes = from.dtype().bytes(from.size(1));
    for (int i = first; i < end; i++) {
      long row = from.offset(KvAccess.at(op.ids(), i), 0);
      MemorySegment.copy(source, row, target, to.offset(i, 0), bytes);
    }
  }
}
