package io.github.trimtab.memory;

import java.lang.foreign.MemorySegment;

/**
 * The memory of a place, and copies between it and the host in the order of the operations that run
 * there.
 *
 * <p>An upload has read its source, and a download has written its target, when the method returns;
 * on a device only the download waits for the operations before it.
 */
public interface Memory {
  /** Where buffers are made. */
  Place place();

  /**
   * Zeroed memory, aligned to {@link Buffer#ALIGNMENT} bytes and owned by the buffer.
   *
   * @param bytes size, 0 or more
   */
  Buffer allocate(long bytes);

  /** Copies host memory to bytes {@code [offset, offset + from.byteSize())} of a buffer. */
  void upload(MemorySegment from, Buffer to, long offset);

  /** Copies bytes {@code [offset, offset + to.byteSize())} of a buffer to host memory. */
  void download(Buffer from, long offset, MemorySegment to);

  /** Copies bytes from one buffer to another, or to a range of the same one that lies apart. */
  void copy(Buffer from, long fromOffset, Buffer to, long toOffset, long bytes);

  /** The host's memory. */
  static Memory host() {
    return HostMemory.INSTANCE;
  }

  /**
   * The host's memory, for whoever runs on nothing else.
   *
   * @throws IllegalArgumentException if another place is asked for
   */
  static Memory hostOnly(Place place) {
    if (!place.isHost()) {
      throw new IllegalArgumentException(
          "place: " + place + ", expected host memory on this backend");
    }
    return host();
  }

  /**
   * Refuses a range that is not inside a buffer of {@code place}.
   *
   * @param name of the buffer among the caller's arguments
   * @throws IndexOutOfBoundsException if it is not inside
   * @throws IllegalArgumentException if the buffer lives elsewhere
   */
  static void checkRange(String name, Buffer buffer, long offset, long bytes, Place place) {
    if (!buffer.place().equals(place)) {
      throw new IllegalArgumentException(name + ": " + buffer + ", expected memory on " + place);
    }
    if (offset < 0 || bytes < 0 || offset > buffer.byteSize() - bytes) {
      throw new IndexOutOfBoundsException(
          name
              + ": "
              + bytes
              + " bytes from "
              + offset
              + " on, expected a range inside the buffer's "
              + buffer.byteSize()
              + " bytes");
    }
  }
}
