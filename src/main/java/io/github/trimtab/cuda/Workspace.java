package io.github.trimtab.cuda;

import io.github.trimtab.memory.Buffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Device memory that a stream's operations share, one after the other. Grows in steps of at least
 * twice the size; what was outgrown stays until the stream is closed, since prepared operations and
 * graphs hold its address.
 */
final class Workspace implements AutoCloseable {
  private final CudaDevice device;
  private final Deque<Buffer> buffers = new ArrayDeque<>();

  Workspace(CudaDevice device) {
    this.device = device;
  }

  /** At least so many bytes; zeroed when new, and every operation leaves its counters zero. */
  Buffer atLeast(long bytes) {
    Buffer largest = buffers.peekLast();
    if (largest == null || largest.byteSize() < bytes) {
      long grown = largest == null ? bytes : Math.max(bytes, 2 * largest.byteSize());
      largest = device.allocate(grown);
      buffers.addLast(largest);
    }
    return largest;
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
  }
}
