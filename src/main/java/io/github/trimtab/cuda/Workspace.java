package io.github.trimtab.cuda;

import io.github.trimtab.memory.Buffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Device memory that a stream's operations share, one after the other. Grows to twice the size
 * where the device has room for it; what was outgrown stays until the stream is closed, since
 * prepared operations and graphs hold its address.
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
      largest = grown(bytes, largest == null ? 0 : 2 * largest.byteSize());
      buffers.addLast(largest);
    }
    return largest;
  }

  private Buffer grown(long bytes, long wished) {
    if (wished > bytes) {
      try {
        return device.allocate(wished);
      } catch (DeviceMemoryException e) {
        // What is needed now may fit all the same.
      }
    }
    return device.allocate(bytes);
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
  }
}
