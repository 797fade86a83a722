package io.github.trimtab.internal.vector;

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

/**
 * Every operation on the Vector API, on the caller's thread and on daemon workers.
 *
 * <p>System properties: {@value Settings#BITS_PROPERTY} chooses the width of vectors (128, 256 or
 * 512; otherwise what the machine prefers) and {@value Settings#THREADS_PROPERTY} how many threads
 * an operation may use (otherwise one a processor). Canonical operations return the same bits at
 * every width and thread count.
 *
 * <p>The benchmarks' page says how many times as fast as the scalar backend each is on one thread,
 * and names what is less than 1.5.
 */
public final class VectorKernels implements Kernels {
  private final Workers workers;

  /**
   * Starts the workers.
   *
   * @throws IllegalArgumentException if a system property has a bad value
   */
  public VectorKernels() {
    int _ = Settings.bits(); // a bad value throws here, not from a static initialiser
    workers = new Workers(Settings.threads());
  }

  /** Bits of a vector. */
  public static int bits() {
    return Lanes.BITS;
  }

  @Override
  public void append(Append op) {
    run(op, VectorAppend::run);
  }

  @Override
  public void score(Score op) {
    run(op, VectorScore::run);
  }

  @Override
  public void select(Select op) {
    run(op, VectorSelect::run);
  }

  @Override
  public void compact(Compact op) {
    run(op, VectorCompact::run);
  }

  @Override
  public void evict(Evict op) {
    run(op, VectorEvict::run);
  }

  @Override
  public void attend(Attend op) {
    run(op, VectorAttend::run);
  }

  @Override
  public void verify(Verify op) {
    run(op, VectorVerify::run);
  }

  @Override
  public void head(Head op) {
    run(op, VectorHead::run);
  }

  @Override
  public void quantize(Quantize op) {
    run(op, VectorQuantize::run);
  }

  @Override
  public void pack(Pack op) {
    run(op, VectorPack::run);
  }

  @Override
  public void columnSums(ColumnSums op) {
    run(op, VectorColumnSums::run);
  }

  @Override
  public void selectivity(Selectivity op) {
    run(op, VectorSelectivity::run);
  }

  private interface Kernel<T> {
    void run(T op, Workers workers, Workspace shared);
  }

  private <T> void run(T op, Kernel<T> kernel) {
    Workspace shared = workers.borrow();
    try {
      kernel.run(op, workers, shared);
    } finally {
      workers.giveBack(shared);
    }
  }
}
