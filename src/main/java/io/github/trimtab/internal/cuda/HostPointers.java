package io.github.trimtab.internal.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Addresses of host memory that came from the driver. */
public final class HostPointers {
  private HostPointers() {}

  /** Memory of so many bytes at an address, readable until the arena is closed. */
  public static MemorySegment sized(MemorySegment pointer, long bytes, Arena arena) {
    return pointer.reinterpret(bytes, arena, null);
  }
}
