package io.github.trimtab.benchmarks;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** Threads of the ceilings and peers: as many as the vector backend uses, the caller among them. */
final class Workers implements AutoCloseable {
  private final int threads;
  private final ExecutorService helpers;

  Workers(int threads) {
    this.threads = threads;
    this.helpers =
        Executors.newFixedThreadPool(
            Math.max(1, threads - 1), Thread.ofPlatform().daemon().name("peer-", 0).factory());
  }

  int threads() {
    return threads;
  }

  /**
   * Pieces that a large task is cut into: small enough that no thread waits long for another, and
   * that a peer's own blocking sees as many rows at a time with one thread as with several.
   */
  int pieces() {
    return 16 * threads;
  }

  /** Runs {@code body} for 0 to {@code pieces} - 1; whoever is free takes the next one. */
  void run(int pieces, IntConsumer body) {
    AtomicInteger next = new AtomicInteger();
    AtomicInteger done = new AtomicInteger();
    Runnable loop =
        () -> {
          for (int i = next.getAndIncrement(); i < pieces; i = next.getAndIncrement()) {
            body.accept(i);
            done.getAndIncrement();
          }
        };
    for (int i = 1; i < threads; i++) {
      helpers.execute(loop);
    }
    loop.run();
    while (done.get() < pieces) {
      Thread.onSpinWait();
    }
  }

  @Override
  public void close() {
    helpers.shutdown();
  }
}
