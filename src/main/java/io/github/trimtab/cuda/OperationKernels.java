package io.github.trimtab.cuda;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.kernel.Verify;

/** Kernels that treat all operations alike. */
abstract class OperationKernels implements Kernels {
  abstract void run(Operation op);

  @Override
  public final void append(Append op) {
    run(op);
  }

  @Override
  public final void score(Score op) {
    run(op);
  }

  @Override
  public final void select(Select op) {
    run(op);
  }

  @Override
  public final void compact(Compact op) {
    run(op);
  }

  @Override
  public final void evict(Evict op) {
    run(op);
  }

  @Override
  public final void attend(Attend op) {
    run(op);
  }

  @Override
  public final void verify(Verify op) {
    run(op);
  }

  @Override
  public final void head(Head op) {
    run(op);
  }

  @Override
  public final void quantize(Quantize op) {
    run(op);
  }

  @Override
  public final void pack(Pack op) {
    run(op);
  }

  @Override
  public final void columnSums(ColumnSums op) {
    run(op);
  }

  @Override
  public final void selectivity(Selectivity op) {
    run(op);
  }
}
