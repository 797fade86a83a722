package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.Attend;
import io.github.trimtab.memory.Tensor;

/** Checks of attention, before the first write. */
public final class AttendChecks {
  private AttendChecks() {}

  /** Checks an attention's lengths, pages and parents. */
  public static void check(Attend op) {
    HostChecks checks = HostChecks.of(op);
    checks.open(op.q(), "q");
    checks.open(op.queryLengths(), "queryLengths");
    checks.open(op.parents(), "parents");
    checks.open(op.out(), "out");
    checks.open(op.lse(), "lse");
    checks.sources(op.history(), op.fresh());
    Tensor lengths = op.queryLengths();
    Tensor parents = op.parents();
    int all = (int) op.q().size(2);
    for (int row = 0; row < op.q().size(0); row++) {
      if (lengths != null) {
        checks.inRange("queryLengths", row, KvAccess.at(lengths, row), 0, all);
      }
      int queries = lengths == null ? all : KvAccess.at(lengths, row);
      for (int i = 0; parents != null && i < queries; i++) {
        checks.inRange("parents", row, i, KvAccess.at(parents, row, i), -1, i - 1L);
      }
    }
  }
}
