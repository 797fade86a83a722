package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Checks of the lengths and pages of operations that sum softmax weights, before the first write.
 */
public final class SoftmaxChecks {
  private SoftmaxChecks() {}

  /** Checks the lengths and pages of column sums. */
  public static void check(ColumnSums op) {
    HostChecks checks = HostChecks.of(op);
    checks.open(op.sums(), "sums");
    queriesAndKeys(checks, op.q(), op.queryLengths(), op.history(), op.fresh());
    long places = op.sums().size(2);
    for (int row = 0; row < op.rows(); row++) {
      for (int head = 0; head < op.heads(); head++) {
        long total = HostChecks.totalTokens(op.history(), op.fresh(), row, head);
        if (total > places) {
          String expected = "with the new tokens at most the " + places + " that sums holds";
          throw checks.bad("history.lengths", row, head, total, expected);
        }
      }
    }
  }

  /** Checks the lengths and pages of a selectivity index. */
  public static void check(Selectivity op) {
    HostChecks checks = HostChecks.of(op);
    checks.open(op.index(), "index");
    queriesAndKeys(checks, op.q(), op.queryLengths(), op.history(), op.fresh());
    for (int row = 0; row < op.rows(); row++) {
      for (int head = 0; head < op.heads(); head++) {
        long total = HostChecks.totalTokens(op.history(), op.fresh(), row, head);
        if (total > Integer.MAX_VALUE) {
          String expected = "with the new tokens fewer than 2^31";
          throw checks.bad("history.lengths", row, head, total, expected);
        }
      }
    }
  }

  private static void queriesAndKeys(
      HostChecks checks,
      Tensor q,
      @Nullable Tensor queryLengths,
      @Nullable PagedKv history,
      @Nullable NewTokens fresh) {
    checks.open(q, "q");
    checks.open(queryLengths, "queryLengths");
    checks.sources(history, fresh);
    for (int row = 0; queryLengths != null && row < q.size(0); row++) {
      checks.inRange("queryLengths", row, KvAccess.at(queryLengths, row), 0, q.size(2));
    }
  }
}
