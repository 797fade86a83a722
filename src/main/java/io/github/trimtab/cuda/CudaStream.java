package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;

import io.github.trimtab.internal.cuda.Addresses;
import io.github.trimtab.internal.cuda.Params;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * A queue of work on a device: operations, copies, graphs and events run in the order in which they
 * were enqueued.
 *
 * <p>{@link #kernels} and {@link #prepare} enqueue operations over device memory and return at
 * once. A bad value that a kernel meets in an index buffer is skipped there and reported by the
 * next {@link #synchronize} or download, with an {@link IllegalArgumentException}; an error on the
 * device is a {@link CudaException} of whichever call sees it first. Buffers stay open until the
 * operations on them are done; closing memory of {@link CudaDevice#allocate} sooner waits for them.
 *
 * <p>Besides operands an operation uses the stream's workspace, which grows to the largest need and
 * stays: no device memory is allocated once every shape has been seen, or {@link #reserve} was told
 * of the largest.
 *
 * <p>Threads: any, one at a time within; virtual threads too.
 */
public final class CudaStream implements AutoCloseable {
  private final CudaDevice device;
  private final Context context;
  private final MemorySegment handle;
  private final boolean owned;
  private final Launcher launcher;
  private final StreamMemory memory;
  private final Kernels kernels;
  private boolean open = true;

  CudaStream(CudaDevice device, MemorySegment handle, boolean owned) {
    this.device = device;
    this.context = device.context();
    this.handle = handle;
    this.owned = owned;
    // Freed by the collector: a shared arena would be held and let go, atomically, in every call.
    Arena arena = Arena.ofAuto();
    this.launcher = new Launcher(device, handle, arena);
    this.memory = new StreamMemory(this, arena);
    this.kernels = new StreamKernels(this);
  }

  /** The device that it belongs to. */
  public CudaDevice device() {
    return device;
  }

  /** The CUstream, for other CUDA libraries. */
  public long handle() {
    return handle.address();
  }

  MemorySegment pointer() {
    return handle;
  }

  /**
   * Operations that are enqueued here; their buffers live on the device. Each call lays its
   * operation out and checks it, buffers' addresses included; {@link #prepare} does so once.
   */
  public Kernels kernels() {
    return kernels;
  }

  /** Device memory, and copies that are enqueued here; none while a graph is recorded. */
  public Memory memory() {
    return memory;
  }

  /**
   * Checks an operation and turns it into what the device is given, once for many runs.
   *
   * @throws IllegalArgumentException if a buffer does not live on the device
   */
  public synchronized CudaOperation prepare(Operation operation) {
    begin();
    StreamKernels.requirePlace(operation, device);
    List<Buffer> buffers = new ArrayList<>();
    MemorySegment prepared = Arena.ofAuto().allocate(Params.MOST_BYTES, Long.BYTES);
    launcher.write(
        operation,
        (buffer, written) -> {
          buffers.add(buffer);
          return buffer.deviceAddress();
        },
        prepared);
    return new CudaOperation(this, operation, prepared, buffers);
  }

  /**
   * Bytes of workspace that an operation needs; what {@link #reserve} takes. Depends on shapes and
   * formats alone.
   *
   * @throws IllegalArgumentException if a buffer does not live on the device
   */
  public synchronized long workspaceBytes(Operation operation) {
    begin();
    StreamKernels.requirePlace(operation, device);
    return launcher.workspaceBytes(operation);
  }

  /**
   * Makes the workspace large enough for operations to come, so that none of them allocates in the
   * middle of a step or of a recording.
   *
   * @param bytes the largest {@link #workspaceBytes} of them, 0 or more
   * @throws DeviceMemoryException if there is too little
   */
  public synchronized void reserve(long bytes) {
    begin();
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes: " + bytes + ", expected 0 or more");
    }
    launcher.reserve(bytes);
  }

  /** Enqueues an operation whose buffers lie where {@code addresses} says. */
  synchronized void run(Operation operation, Addresses addresses) {
    begin();
    launcher.run(operation, addresses);
  }

  /** Enqueues an operation that {@link #prepare} checked. */
  synchronized void run(CudaOperation prepared) {
    begin();
    launcher.run(prepared);
  }

  /** Calls the driver about this stream. */
  void call(String function, IntSupplier call) {
    requireSuccess(function, context.result(call));
  }

  /** Throws what a driver's result means, which may be an error of the latest operation. */
  void requireSuccess(String function, int code) {
    launcher.requireSuccess(function, code);
  }

  /**
   * Records operations as a graph, which then runs as one.
   *
   * @param operations prepared on this stream, one or more
   */
  public CudaGraph capture(List<CudaOperation> operations) {
    if (operations.isEmpty()) {
      throw new IllegalArgumentException("operations: none, expected one or more");
    }
    for (CudaOperation operation : operations) {
      operation.requireStream(this);
    }
    return capture(() -> operations.forEach(CudaOperation::enqueue), operations);
  }

  /**
   * Records whatever is enqueued here meanwhile, by this library or another, as a graph, which then
   * runs as one. What it uses stays as it is for as long as the graph is launched, its addresses
   * included; so run the work once before, lest the stream's workspace grow while it records.
   *
   * @param work enqueues and neither waits nor copies from or to the host
   */
  public CudaGraph capture(Runnable work) {
    return capture(work, List.of());
  }

  private synchronized CudaGraph capture(Runnable work, List<CudaOperation> operations) {
    begin();
    // Relaxed: what begins and ends the recording may be two threads.
    int mode = CU_STREAM_CAPTURE_MODE_RELAXED();
    context.call("cuStreamBeginCapture", () -> cuStreamBeginCapture_v2(handle, mode));
    MemorySegment graph = MemorySegment.NULL;
    boolean recorded = false;
    try {
      work.run();
      recorded = true;
    } finally {
      if (recorded) {
        graph = context.create("cuStreamEndCapture", out -> cuStreamEndCapture(handle, out));
      } else {
        discardCapture();
      }
    }
    return new CudaGraph(this, graph, operations);
  }

  /** Ends a recording whose operations failed; that failure is what the caller hears of. */
  private void discardCapture() {
    try {
      MemorySegment graph =
          context.create("cuStreamEndCapture", out -> cuStreamEndCapture(handle, out));
      if (graph.address() != 0) {
        context.release("cuGraphDestroy", () -> cuGraphDestroy(graph));
      }
    } catch (CudaException _) {
      // The recording is over in either case.
    }
  }

  /**
   * Waits until all that was enqueued is done.
   *
   * @throws IllegalArgumentException if an operation met a bad value; the message names operation,
   *     argument, place and value
   * @throws CudaException if work on the device failed
   */
  public synchronized void synchronize() {
    begin();
    launcher.status().enqueueRead(this);
    call("cuStreamSynchronize", () -> cuStreamSynchronize(handle));
    launcher.status().report(this);
  }

  /** Whether all that was enqueued is done. */
  public synchronized boolean isIdle() {
    begin();
    int code = context.result(() -> cuStreamQuery(handle));
    if (code == CUDA_ERROR_NOT_READY()) {
      return false;
    }
    requireSuccess("cuStreamQuery", code);
    return true;
  }

  /**
   * A new event that happens when all that was enqueued here so far is done; the caller closes it.
   */
  public CudaEvent record() {
    CudaEvent event = new CudaEvent(device);
    event.record(this);
    return event;
  }

  /** Lets what is enqueued here from now on wait for an event, of any stream or device. */
  public synchronized void waitFor(CudaEvent event) {
    begin();
    requireSuccess(
        "cuStreamWaitEvent", event.call(pointer -> cuStreamWaitEvent(handle, pointer, 0)));
  }

  /** Refuses a closed stream and a lost context. */
  void begin() {
    if (!open) {
      throw new IllegalStateException("the stream is closed");
    }
    context.requireAlive();
  }

  void latest(String name) {
    launcher.latest(name);
  }

  /** Whether it can be used. */
  public synchronized boolean isOpen() {
    return open;
  }

  /**
   * Waits for what was enqueued and frees the stream, unless it is the caller's own; harmless when
   * already closed.
   */
  @Override
  public synchronized void close() {
    if (!open) {
      return;
    }
    open = false;
    // What failed on the device surfaces while waiting; everything is freed all the same.
    try {
      context.release("cuStreamSynchronize", () -> cuStreamSynchronize(handle));
    } finally {
      try {
        memory.close();
      } finally {
        try {
          launcher.close();
        } finally {
          if (owned) {
            context.release("cuStreamDestroy", () -> cuStreamDestroy_v2(handle));
          }
        }
      }
    }
  }

  @Override
  public String toString() {
    return "CudaStream[0x" + Long.toHexString(handle.address()) + " on " + device + "]";
  }
}
