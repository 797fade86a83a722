package io.github.trimtab.internal.scalar;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.kernel.Verify;

/** Every operation in plain Java, the oracle that other backends are compared with. */
public final class ScalarKernels implements Kernels {
  @Override
  public void append(Append op) {
    ScalarAppend.run(op);
  }

  @Override
  public void score(Score op) {
    ScalarScore.run(op);
  }

  @Override
  public void select(Select op) {
    ScalarSelect.run(op);
  }

  @Override
  public void compact(Compact op) {
    ScalarCompact.run(op);
  }

  @Override
  public void evict(Evict op) {
    ScalarEvict.run(op);
  }

  @Override
  public void attend(Attend op) {
    ScalarAttend.run(op);
  }

  @Override
  public void verify(Verify op) {
    ScalarVerify.run(op);
  }

  @Override
  public void head(Head op) {
    ScalarHead.run(op);
  }

  @Override
  public void quantize(Quantize op) {
    ScalarQuantize.run(op);
  }

  @Override
  public void pack(Pack op) {
    ScalarPack.run(op);
  }

  @Override
  public void columnSums(ColumnSums op) {
    ScalarColumnSums.run(op);
  }

  @Override
  public void selectivity(Selectivity op) {
    ScalarSelectivity.run(op);
  }
}
