package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A point in a stream's work. One that was never recorded has happened.
 *
 * <p>Threads: any.
 */
public final class CudaEvent implements AutoCloseable {
  private final Context context;
  private final MemorySegment handle;
  private boolean open = true;

  /** An event that can be recorded on streams of a device, any number of times. */
  public CudaEvent(CudaDevice device) {
    this.context = device.context();
    this.handle =
        context.create("cuEventCreate", out -> cuEventCreate(out, CU_EVENT_DISABLE_TIMING()));
  }

  synchronized MemorySegment pointer() {
    if (!open) {
      throw new IllegalStateException("the event is closed");
    }
    return handle;
  }

  /** Moves it behind all that was enqueued on a stream so far. */
  public void record(CudaStream stream) {
    synchronized (stream) {
      stream.begin();
      MemorySegment event = pointer();
      context.enter();
      int code;
      try {
        code = cuEventRecord(event, stream.pointer());
      } finally {
        context.exit();
      }
      context.check("cuEventRecord", code);
    }
  }

  /** Whether it has happened. */
  public boolean isDone() {
    MemorySegment event = pointer();
    context.enter();
    int code;
    try {
      code = cuEventQuery(event);
    } finally {
      context.exit();
    }
    if (code == CUDA_ERROR_NOT_READY()) {
      return false;
    }
    context.check("cuEventQuery", code);
    return true;
  }

  /** Waits until it has happened, without reading what kernels noted; see {@link CudaStream}. */
  public void await() {
    MemorySegment event = pointer();
    context.enter();
    int code;
    try {
      code = cuEventSynchronize(event);
    } finally {
      context.exit();
    }
    context.check("cuEventSynchronize", code);
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
  public synchronized void close() {
    if (open) {
      open = false;
      context.release("cuEventDestroy", () -> cuEventDestroy_v2(handle));
    }
  }
}
