package io.github.trimtab.engine.math;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Loops over all cores: the caller works too, beside daemon threads that look out for the next loop
 * for a while before they sleep. A decoder runs hundreds of loops of some microseconds each for
 * every token, far shorter than it takes to wake a thread.
 *
 * <p>Threads: any number of callers at once; each works on its own loop until that is done.
 */
public final class Parallel {

  /** Threads that take part in a loop. */
  public static final int THREADS = Runtime.getRuntime().availableProcessors();

  /**
   * Looks at the next loop before a helper sleeps: a tenth of a millisecond or two, so that it
   * stays awake from one of a decoder's loops to the next.
   */
  private static final int SPINS = 8000;

  private static final Thread[] HELPERS = new Thread[THREADS - 1];
  private static final AtomicInteger SLEEPING = new AtomicInteger();
  private static volatile @Nullable Loop newest;

  /** Set in threads whose loops stay on them. */
  private static final ThreadLocal<@Nullable Boolean> APART = new ThreadLocal<>();

  static {
    for (int i = 0; i < HELPERS.length; i++) {
      HELPERS[i] = Thread.ofPlatform().daemon().name("engine-" + (i + 1)).start(Parallel::help);
    }
  }

  private Parallel() {}

  /** Work on the items {@code from} (inclusive) to {@code to} (exclusive). */
  @FunctionalInterface
  public interface Range {
    void run(int from, int to);
  }

  /**
   * Runs {@code body} over {@code [0, items)} in pieces of {@code grain} items, the last one
   * shorter. Returns when all pieces are done; pieces run in no particular order. What a failing
   * piece threw is thrown here.
   */
  public static void forRange(int items, int grain, Range body) {
    int pieces = Math.ceilDiv(items, grain);
    if (pieces <= 1 || THREADS == 1 || APART.get() != null) {
      for (int piece = 0; piece < pieces; piece++) {
        body.run(piece * grain, Math.min(items, (piece + 1) * grain));
      }
      return;
    }
    Loop loop = new Loop(items, grain, pieces, body);
    newest = loop;
    if (SLEEPING.get() > 0) {
      for (Thread helper : HELPERS) {
        LockSupport.unpark(helper);
      }
    }
    loop.work();
    loop.await();
  }

  /**
   * Runs {@code body} for each item, a thread an item and as many at once as there are cores. For
   * long items that share nothing: loops within an item stay on its thread. Returns when all items
   * are done; what a failing item threw is thrown here, after the others.
   */
  public static void forItems(int items, IntConsumer body) {
    Loop loop = new Loop(items, 1, items, (from, to) -> body.accept(from));
    Thread[] threads = new Thread[Math.min(THREADS, items)];
    for (int i = 0; i < threads.length; i++) {
      threads[i] =
          Thread.ofPlatform()
              .name("item-" + i)
              .start(() -> {
                APART.set(true);
                loop.work();
              });
    }
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true; // items cannot be stopped half-way
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    loop.await();
  }

  private static void help() {
    Loop last = null;
    while (true) {
      Loop loop = newest;
      for (int i = 0; loop == last && i < SPINS; i++) {
        Thread.onSpinWait();
        loop = newest;
      }
      if (loop == last || loop == null) {
        SLEEPING.incrementAndGet();
        if (newest == last) {
          LockSupport.park(Parallel.class);
        }
        SLEEPING.decrementAndGet();
      } else {
        loop.work();
        last = loop;
      }
    }
  }

  /** One loop, whose pieces the threads take one by one. */
  private static final class Loop {
    private final int items;
    private final int grain;
    private final int pieces;
    private @Nullable Range body;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private volatile @Nullable Throwable failure;

    Loop(int items, int grain, int pieces, Range body) {
      this.items = items;
      this.grain = grain;
      this.pieces = pieces;
      this.body = body;
    }

    void work() {
      for (int piece = next.getAndIncrement(); piece < pieces; piece = next.getAndIncrement()) {
        try {
          Objects.requireNonNull(body).run(piece * grain, Math.min(items, (piece + 1) * grain));
        } catch (Throwable e) {
          failure = e;
        } finally {
          done.incrementAndGet();
        }
      }
    }

    void await() {
      for (int i = 0; done.get() < pieces; i++) {
        if (i < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.parkNanos(1); // the core may be the one that the last piece waits for
        }
      }
      body = null; // helpers look at the newest loop for long: what it captured is free now
      switch (failure) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new IllegalStateException(e);
      }
    }
  }
}
