package io.github.trimtab.memory;

import java.lang.foreign.MemorySegment;

/** Memory of the host, where a copy is a copy. */
final class HostMemory implements Memory {
  static final HostMemory INSTANCE = new HostMemory();

  private HostMemory() {}

  @Override
  public Place place() {
    return Place.HOST;
  }

  @Override
  public Buffer allocate(long bytes) {
    return Buffer.allocate(bytes);
  }

  @Override
  public void upload(MemorySegment from, Buffer to, long offset) {
    Memory.checkRange("to", to, offset, from.byteSize(), Place.HOST);
    MemorySegment.copy(from, 0, to.segment(), offset, from.byteSize());
  }

  @Override
  public void download(Buffer from, long offset, MemorySegment to) {
    Memory.checkRange("from", from, offset, to.byteSize(), Place.HOST);
    MemorySegment.copy(from.segment(), offset, to, 0, to.byteSize());
  }

  @Override
  public void copy(Buffer from, long fromOffset, Buffer to, long toOffset, long bytes) {
    Memory.checkRange("from", from, fromOffset, bytes, Place.HOST);
    Memory.checkRange("to", to, toOffset, bytes, Place.HOST);
    MemorySegment.copy(from.segment(), fromOffset, to.segment(), toOffset, bytes);
  }
}
