package io.github.trimtab.internal.vector;

import java.util.ArrayList;
import java.util.List;

/**
 * Daemon threads that help the callers of operations, and the workspaces that callers borrow.
 *
 * <p>Threads: any number of callers at once, platform or virtual; each works on its own job, and
 * idle workers join whichever job has tasks left.
 */
final class Workers {
  /** Rounds of waiting before a thread sleeps, some ten microseconds. */
  static final int SPINS = 500;

  private final int threads;
  private final Object lock = new Object();
  private final List<Job> jobs = new ArrayList<>();
  private final List<Workspace> idle = new ArrayList<>();
  private volatile int posted;

  /** Starts {@code threads - 1} workers; the caller of an operation is the last thread. */
  Workers(int threads) {
    this.threads = threads;
    for (int i = 1; i < threads; i++) {
      Thread.ofPlatform().daemon().name("trimtab-vector-" + i).start(this::serve);
    }
  }

  /** Threads that may work on one operation, its caller included. */
  int threads() {
    return threads;
  }

  Workspace borrow() {
    synchronized (lock) {
      return idle.isEmpty() ? new Workspace() : idle.removeLast();
    }
  }

  void giveBack(Workspace workspace) {
    synchronized (lock) {
      idle.add(workspace);
    }
  }

  /**
   * Runs tasks 0..count-1 and returns when all are done. What the first failing task threw is
   * thrown here.
   *
   * @param shared the workspace that the caller borrowed for this operation
   */
  <T> void run(T op, int count, Workspace shared, Task<T> task) {
    Job job = shared.job;
    job.set(op, count, task);
    if (count == 1 || threads == 1) {
      job.work(shared);
    } else if (count > 0) {
      synchronized (lock) {
        jobs.add(job);
        posted++;
        lock.notifyAll();
      }
      job.work(shared);
      synchronized (lock) {
        jobs.remove(job);
      }
    }
    job.finish();
  }

  private void serve() {
    Workspace own = new Workspace();
    while (true) {
      Job job = await();
      job.work(own);
      job.leave();
    }
  }

  /** Waits for a job with tasks left and joins it. */
  private Job await() {
    int seen = posted;
    for (int i = 0; posted == seen && i < SPINS; i++) {
      Thread.onSpinWait();
    }
    synchronized (lock) {
      while (true) {
        for (int i = 0; i < jobs.size(); i++) {
          Job job = jobs.get(i);
          if (job.hasWork()) {
            job.join();
            return job;
          }
        }
        try {
          lock.wait();
        } catch (InterruptedException e) {
          // Nobody may interrupt a worker; it goes on waiting for work.
        }
      }
    }
  }
}
