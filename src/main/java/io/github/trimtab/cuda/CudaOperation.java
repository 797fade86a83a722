package io.github.trimtab.cuda;

import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * An operation that was checked for a stream and can be enqueued there any number of times, without
 * an allocation in Java or on the device. Lengths, tables and capacities are read from its buffers
 * each time.
 *
 * <p>Threads: any; see {@link CudaStream}.
 */
public final class CudaOperation {
  private final CudaStream stream;
  private final Operation operation;
  private final MemorySegment params;
  private final Buffer[] buffers;

  CudaOperation(
      CudaStream stream, Operation operation, MemorySegment params, List<Buffer> buffers) {
    this.stream = stream;
    this.operation = operation;
    this.params = params;
    this.buffers = buffers.toArray(Buffer[]::new);
  }

  /** The operation. */
  public Operation operation() {
    return operation;
  }

  MemorySegment params() {
    return params;
  }

  /**
   * Enqueues it on the stream that it was prepared for.
   *
   * @throws IllegalStateException if the stream or one of its buffers is closed
   */
  public void enqueue() {
    stream.run(this);
  }

  void requireStream(CudaStream other) {
    if (stream != other) {
      throw new IllegalArgumentException(
          "operation: prepared on " + stream + ", expected one prepared on " + other);
    }
  }

  void requireOpenBuffers() {
    for (Buffer buffer : buffers) {
      if (!buffer.isOpen()) {
        throw new IllegalStateException(
            operation.getClass().getSimpleName() + ": " + buffer + ", expected open buffers");
      }
    }
  }

  @Override
  public String toString() {
    return "CudaOperation[" + operation.getClass().getSimpleName() + " on " + stream + "]";
  }
}
