package io.github.trimtab.vocab;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Counts pieces of text on several threads, each with a counter of its own. Memory is bounded: who
 * submits waits while many pieces are under way.
 *
 * <p>Threads: one at a time submits.
 */
public final class ParallelCounter implements AutoCloseable {
  private static final int PIECES_A_THREAD = 4;

  private final BlockingQueue<TokenCounter> idle = new LinkedBlockingQueue<>();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final ExecutorService threads;
  private final int pieces;
  private final Semaphore free;
  private final TokenCounts sum;

  /**
   * Continues from counts, which may be all zero.
   *
   * @param threadCount threads that count, 1 or more
   */
  public ParallelCounter(TokenCounts begin, int threadCount) {
    if (threadCount < 1) {
      throw new IllegalArgumentException("threads: " + threadCount + ", expected 1 or more");
    }
    sum = begin;
    pieces = PIECES_A_THREAD * threadCount;
    free = new Semaphore(pieces);
    threads = Executors.newFixedThreadPool(threadCount);
    for (int i = 0; i < threadCount; i++) {
      idle.add(new TokenCounter(begin.provenance()));
    }
  }

  /**
   * Hands one piece of work to a thread.
   *
   * @param work counts its piece into the counter that it is given
   * @throws RuntimeException what an earlier piece failed with, or an {@link Error}
   */
  public void submit(Consumer<TokenCounter> work) {
    throwFailure();
    free.acquireUninterruptibly();
    threads.execute(() -> {
      // There are as many counters as threads, so one is idle.
      TokenCounter counter = idle.remove();
      try {
        work.accept(counter);
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e); // an Error too: its piece is missing
      } finally {
        idle.add(counter);
        free.release();
      }
    });
  }

  /**
   * Waits for all pieces.
   *
   * @return what was counted since the begin
   * @throws RuntimeException what a piece failed with, or an {@link Error}
   */
  public TokenCounts counts() {
    free.acquireUninterruptibly(pieces);
    free.release(pieces);
    throwFailure();
    TokenCounts total = sum;
    for (TokenCounter counter : idle) {
      total = total.plus(counter.counts());
    }
    return total;
  }

  private void throwFailure() {
    switch (failure.get()) {
      case null -> {}
      case Error e -> throw e;
      case Throwable e -> throw (RuntimeException) e;
    }
  }

  /** Ends the threads once their pieces are counted. */
  @Override
  public void close() {
    threads.close();
  }
}
