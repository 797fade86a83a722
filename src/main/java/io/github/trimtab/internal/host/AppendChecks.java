package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.PagedKv;
import java.util.BitSet;

/** Checks of appends, before the first write. */
public final class AppendChecks {
  private AppendChecks() {}

  /** Checks an append's lengths and the pages it writes. */
  public static void check(Append op) {
    HostChecks checks = HostChecks.of(op);
    PagedKv target = op.target();
    checks.open(op.fresh(), "fresh");
    checks.open(target, "target");
    checks.newTokens(op.fresh());
    BitSet written = checks.marks();
    for (int row = 0; row < target.rows(); row++) {
      int count = KvAccess.newTokens(op.fresh(), row);
      for (int list = 0; list < target.lists(); list++) {
        int length = KvAccess.at(target.lengths(), row, list);
        checks.inRange("target.lengths", row, list, length, 0, target.capacity() - (long) count);
        if (count > 0) {
          int first = length / target.layout().tokens();
          int end = target.layout().pagesFor(length + count);
          checks.writtenPages("target.table", target, row, list, first, end, written);
        }
      }
    }
  }
}
