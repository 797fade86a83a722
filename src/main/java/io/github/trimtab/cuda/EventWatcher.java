package io.github.trimtab.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Completes stages of events: a daemon thread that sleeps while there is none, and asks all pending
 * events every 50 microseconds otherwise.
 */
final class EventWatcher {
  private static final long PERIOD_NANOS = 50_000;

  private static final BlockingQueue<Watched> ARRIVING = new LinkedBlockingQueue<>();

  private record Watched(CudaEvent event, CompletableFuture<Void> stage) {
    /** Whether there is nothing left to wait for; what depends on the stage runs elsewhere. */
    boolean finish() {
      try {
        if (!event.isDone()) {
          return false;
        }
        stage.defaultExecutor().execute(() -> stage.complete(null));
      } catch (RuntimeException e) {
        stage.defaultExecutor().execute(() -> stage.completeExceptionally(e));
      }
      return true;
    }
  }

  private static final class Running {
    static final Thread THREAD =
        Thread.ofPlatform().daemon().name("trimtab-cuda-events").start(EventWatcher::loop);
  }

  private EventWatcher() {}

  static void watch(CudaEvent event, CompletableFuture<Void> stage) {
    ARRIVING.add(new Watched(event, stage));
    if (!Running.THREAD.isAlive()) {
      stage.completeExceptionally(
          new IllegalStateException("the thread that watches events ended"));
    }
  }

  private static void loop() {
    List<Watched> pending = new ArrayList<>();
    try {
      while (true) {
        Watched arrived =
            pending.isEmpty() ? ARRIVING.take() : ARRIVING.poll(PERIOD_NANOS, TimeUnit.NANOSECONDS);
        if (arrived != null) {
          pending.add(arrived);
          ARRIVING.drainTo(pending);
        }
        pending.removeIf(Watched::finish);
      }
    } catch (InterruptedException e) {
      pending.forEach(watched -> watched.stage().completeExceptionally(e));
    }
  }
}
