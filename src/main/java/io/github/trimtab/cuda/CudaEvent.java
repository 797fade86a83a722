package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.ToIntFunction;

/**
 * A point in a stream's work. One that was never recorded has happened.
 *
 * <p>Threads: any.
 */
public final class CudaEvent implements AutoCloseable {
  private final Context context;
  private final MemorySegment handle;

  /** Read to use the handle, written to free it. */
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  private boolean open = true;

  /** An event that can be recorded on streams of a device, any number of times. */
  public CudaEvent(CudaDevice device) {
    this.context = device.context();
    this.handle =
        context.create("cuEventCreate", out -> cuEventCreate(out, CU_EVENT_DISABLE_TIMING()));
  }

  /** Gives the handle to a function of the driver; nobody frees it meanwhile. */
  int call(ToIntFunction<MemorySegment> function) {
    lock.readLock().lock();
    try {
      if (!open) {
        throw new IllegalStateException("the event is closed");
      }
      return context.result(() -> function.applyAsInt(handle));
    } finally {
      lock.readLock().unlock();
    }
  }

  /**
   * Moves it behind all that was enqueued on a stream so far.
   *
   * @throws IllegalArgumentException if the stream belongs to another device
   */
  public void record(CudaStream stream) {
    if (stream.device().context() != context) {
      throw new IllegalArgumentException(
          "stream: " + stream + ", expected one of cuda:" + context.device());
    }
    synchronized (stream) {
      stream.begin();
      stream.requireSuccess("cuEventRecord", call(event -> cuEventRecord(event, stream.pointer())));
    }
  }

  /**
   * Whether it has happened.
   *
   * @throws CudaException if work on the device failed
   */
  public boolean isDone() {
    int code = call(event -> cuEventQuery(event));
    if (code == CUDA_ERROR_NOT_READY()) {
      return false;
    }
    context.check("cuEventQuery", code);
    return true;
  }

  /**
   * Waits until it has happened. Bad values that kernels met are not reported here but by {@link
   * CudaStream#synchronize}.
   *
   * @throws CudaException if work on the device failed
   */
  public void await() {
    context.check("cuEventSynchronize", call(event -> cuEventSynchronize(event)));
  }

  /**
   * A stage that is completed when the event has happened, or failed with a {@link CudaException}.
   * A thread of Trimtab's asks the event now and then; no code runs on CUDA's threads.
   */
  public CompletionStage<Void> completion() {
    CompletableFuture<Void> stage = new CompletableFuture<>();
    EventWatcher.watch(this, stage);
    return stage.minimalCompletionStage();
  }

  /** Frees it; harmless when already closed. */
  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (open) {
        open = false;
        context.release("cuEventDestroy", () -> cuEventDestroy_v2(handle));
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
