package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.AppendChecks;
import io.github.trimtab.internal.host.AttendChecks;
import io.github.trimtab.internal.host.CompactChecks;
import io.github.trimtab.internal.host.EvictChecks;
import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.host.HostChecks;
import io.github.trimtab.internal.host.SoftmaxChecks;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.kernel.Verify;

/** The checks of any operation over host memory. */
public final class OperationChecks {
  private OperationChecks() {}

  /** Checks everything that the operation calls untrusted. */
  public static void check(Operation operation) {
    switch (operation) {
      case Append op -> AppendChecks.check(op);
      case Attend op -> AttendChecks.check(op);
      case ColumnSums op -> SoftmaxChecks.check(op);
      case Compact op -> CompactChecks.check(op);
      case Evict op -> EvictChecks.check(op);
      case Head op -> HeadChecks.check(op);
      case Pack op -> HeadChecks.check(op);
      case Quantize op -> HeadChecks.check(op);
      case Score op -> HostChecks.check(op);
      case Select op -> EvictChecks.check(op);
      case Selectivity op -> SoftmaxChecks.check(op);
      case Verify op -> ScalarVerify.check(op);
    }
  }
}
