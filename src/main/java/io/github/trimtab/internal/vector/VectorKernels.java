package io.github.trimtab.internal.vector;

import io.github.trimtab.kernel.*;

/** Placeholder. */
public final class VectorKernels implements Kernels {
  public static int bits() {
    return 256;
  }

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
