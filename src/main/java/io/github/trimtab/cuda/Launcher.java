package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.CUDA_SUCCESS;

import io.github.trimtab.internal.cuda.Addresses;
import io.github.trimtab.internal.cuda.Calls;
import io.github.trimtab.internal.cuda.NativeLibrary;
import io.github.trimtab.internal.cuda.Params;
import io.github.trimtab.internal.cuda.bindings.trimtab_launch;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Lays operations out as the native library takes them and enqueues them on a stream, with the
 * workspace and the status word that all of the stream's operations share. Its stream guards it.
 */
final class Launcher implements AutoCloseable {
  private final Context context;
  private final MemorySegment launch;
  private final MemorySegment error;
  private final MemorySegment params;
  private final MemorySegment workspaceBytes;
  private final Workspace workspace;
  private final StatusWord status;
  private String latest = "nothing";

  /**
   * For a stream.
   *
   * @param arena of what the library is given
   */
  Launcher(CudaDevice device, MemorySegment stream, Arena arena) {
    this.context = device.context();
    this.launch = trimtab_launch.allocate(arena);
    trimtab_launch.struct_size(launch, (int) trimtab_launch.sizeof());
    trimtab_launch.device(launch, device.ordinal());
    trimtab_launch.stream(launch, stream);
    this.error = NativeLibrary.newError(arena);
    this.params = arena.allocate(Params.MOST_BYTES, Long.BYTES);
    this.workspaceBytes = arena.allocate(ValueLayout.JAVA_LONG);
    this.workspace = new Workspace(device);
    this.status = new StatusWord(device);
  }

  /** Where bad values are noted. */
  StatusWord status() {
    return status;
  }

  /** Room that operations of an earlier shape have left, or more. */
  void reserve(long bytes) {
    Buffer _ = workspace.atLeast(bytes);
  }

  /** Bytes of workspace that an operation needs. */
  long workspaceBytes(Operation operation) {
    Params.write(operation, Addresses.own(), params);
    Params.setMemory(params, status.address(), 0, 0);
    return workspaceBytes(operation, params);
  }

  private long workspaceBytes(Operation operation, MemorySegment written) {
    check(name(operation), Calls.workspace(operation, written, workspaceBytes, error));
    return workspaceBytes.get(ValueLayout.JAVA_LONG, 0);
  }

  /** Lays an operation out, finds it room and checks it. */
  void write(Operation operation, Addresses addresses, MemorySegment to) {
    Params.write(operation, addresses, to);
    Params.setMemory(to, status.address(), 0, 0);
    long bytes = workspaceBytes(operation, to);
    Buffer room = workspace.atLeast(bytes);
    Params.setMemory(to, status.address(), bytes == 0 ? 0 : room.deviceAddress(), bytes);
    check(name(operation), Calls.check(operation, to, launch, error));
  }

  /** Enqueues an operation whose buffers lie where {@code addresses} says. */
  void run(Operation operation, Addresses addresses) {
    long held = context.holdFrees();
    try {
      write(operation, addresses, params);
      enqueue(operation, params);
    } finally {
      context.allowFrees(held);
    }
  }

  /** Enqueues an operation that was laid out before. */
  void run(CudaOperation prepared) {
    long held = context.holdFrees();
    try {
      prepared.requireOpenBuffers();
      enqueue(prepared.operation(), prepared.params());
    } finally {
      context.allowFrees(held);
    }
  }

  private void enqueue(Operation operation, MemorySegment written) {
    String name = name(operation);
    check(name, Calls.enqueue(operation, written, launch, error));
    latest = name;
  }

  /** Notes what was enqueued last, of which a later error may be. */
  void latest(String name) {
    latest = name;
  }

  /** Throws what a status of the library's means. */
  private void check(String operation, int code) {
    context.checkStatus(operation, latest, code, error);
  }

  /** Throws what a driver's result means, which may be an error of the latest operation. */
  void requireSuccess(String function, int code) {
    if (code != CUDA_SUCCESS()) {
      context.check(function + " after " + latest, code);
    }
  }

  private static String name(Operation operation) {
    return operation.getClass().getSimpleName();
  }

  @Override
  public void close() {
    status.close();
    workspace.close();
  }
}
