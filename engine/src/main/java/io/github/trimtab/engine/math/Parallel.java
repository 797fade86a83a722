package io.github.trimtab.engine.math;

import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;

/** Loops over all cores: the caller works too, beside the threads of the common pool. */
public final class Parallel {

  /** Threads that take part in a loop. */
  public static final int THREADS = ForkJoinPool.getCommonPoolParallelism() + 1;

  private Parallel() {}

  /** Work on the items {@code from} (inclusive) to {@code to} (exclusive). */
  @FunctionalInterface
  public interface Range {
    void run(int from, int to);
  }

  /**
   * Runs {@code body} over {@code [0, items)} in pieces of {@code grain} items, the last one
   * shorter. Returns when all pieces are done; pieces run in no particular order.
   */
  public static void forRange(int items, int grain, Range body) {
    int pieces = Math.ceilDiv(items, grain);
    if (pieces <= 1) {
      if (pieces == 1) {
        body.run(0, items);
      }
      return;
    }
    IntStream.range(0, pieces)
        .parallel()
        .forEach(piece -> body.run(piece * grain, Math.min(items, (piece + 1) * grain)));
  }
}
