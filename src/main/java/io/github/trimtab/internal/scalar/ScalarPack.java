package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** Copies chosen weight rows side by side. */
final class ScalarPack {
  private ScalarPack() {}

  static void run(Pack op) {
    HeadChecks.check(op);
    Tensor fromScales = op.from().scales();
    Tensor toScales = op.to().scales();
    for (int i = 0; i < op.to().rows(); i++) {
      int row = KvAccess.at(op.ids(), i);
      copy(op.from().codes(), row, op.to().codes(), i);
      if (fromScales != null && toScales != null) {
        copy(fromScales, row, toScales, i);
      }
    }
  }

  private static void copy(Tensor from, int row, Tensor to, int toRow) {
    MemorySegment.copy(
        from.segment(),
        from.offset(row, 0),
        to.segment(),
        to.offset(toRow, 0),
        from.dtype().bytes(from.size(1)));
  }
}
