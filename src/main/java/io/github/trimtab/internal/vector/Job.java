package io.github.trimtab.internal.vector;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The tasks of one phase, which the caller and the workers that join take one by one. */
final class Job {
  private final Workspace shared;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger helpers = new AtomicInteger();
  private int count;
  private @Nullable Object op;
  private @Nullable Task<Object> task;
  private volatile @Nullable Throwable failure;

  Job(Workspace shared) {
    this.shared = shared;
  }

  @SuppressWarnings("unchecked") // task takes what op is, and both are set here only
  <T> void set(T op, int count, Task<T> task) {
    this.op = op;
    this.task = (Task<Object>) task;
    this.count = count;
    failure = null;
    next.set(0);
  }

  boolean hasWork() {
    return next.get() < count;
  }

  void join() {
    helpers.incrementAndGet();
  }

  void leave() {
    if (helpers.decrementAndGet() == 0) {
      synchronized (this) {
        notifyAll();
      }
    }
  }

  /** Takes tasks until none is left; a failure ends the job and is kept for the caller. */
  void work(Workspace own) {
    Object op = this.op;
    Task<Object> task = this.task;
    if (op == null || task == null) {
      return;
    }
    try {
      for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
        task.run(op, i, shared, own);
      }
    } catch (Throwable e) {
      failure = e;
      next.set(count);
    }
  }

  /** Waits for the workers that joined, forgets the operation and throws what went wrong. */
  void finish() {
    boolean interrupted = false;
    for (int i = 0; helpers.get() > 0 && i < Workers.SPINS; i++) {
      Thread.onSpinWait();
    }
    synchronized (this) {
      while (helpers.get() > 0) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    op = null;
    task = null;
    switch (failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }
}
