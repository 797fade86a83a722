package io.github.trimtab.engine.cuda;

import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Device memory that is freed together. */
public final class DeviceArena implements AutoCloseable {

  private final CudaStream stream;
  private final List<Buffer> buffers = new ArrayList<>();

  /** An empty one. */
  public DeviceArena(CudaStream stream) {
    this.stream = stream;
  }

  /** Zeroed memory. */
  public Buffer allocate(long bytes) {
    Buffer buffer = stream.device().allocate(bytes);
    buffers.add(buffer);
    return buffer;
  }

  /** The address of zeroed room for {@code count} F32. */
  public long floats(long count) {
    return allocate(count * Float.BYTES).deviceAddress();
  }

  /** The address of a copy of values, which lies there for what is enqueued from now on. */
  public long copy(float[] values) {
    Buffer buffer = allocate((long) values.length * Float.BYTES);
    stream.memory().upload(MemorySegment.ofArray(values), buffer, 0);
    return buffer.deviceAddress();
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
  }
}
