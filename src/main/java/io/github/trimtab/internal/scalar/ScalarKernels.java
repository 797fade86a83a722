package io.github.trimtab.internal.scalar;

import io.github.trimtab.kernel.*;

/** Placeholder. */
public final class ScalarKernels implements Kernels {
  @Override
  public void append(Append op) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void score(Score op) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void select(Select op) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void compact(Compact op) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void evict(Evict op) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void attend(Attend op) {
    throw new UnsupportedOperationException();
  }
}
