package io.github.trimtab.engine.var;

import io.github.trimtab.memory.Buffer;
import java.lang.foreign.MemorySegment;

/** The map that a layer reads, the one that it writes, and one in between, off the heap. */
final class DecoderBuffers implements AutoCloseable {

  private Buffer current;
  private Buffer next;
  private final Buffer inner;

  DecoderBuffers(long floats) {
    current = Buffer.allocate(floats * Float.BYTES);
    next = Buffer.allocate(floats * Float.BYTES);
    inner = Buffer.allocate(floats * Float.BYTES);
  }

  MemorySegment current() {
    return current.segment();
  }

  MemorySegment next() {
    return next.segment();
  }

  MemorySegment inner() {
    return inner.segment();
  }

  /** What was written becomes what is read. */
  void swap() {
    Buffer written = next;
    next = current;
    current = written;
  }

  @Override
  public void close() {
    current.close();
    next.close();
    inner.close();
  }
}
