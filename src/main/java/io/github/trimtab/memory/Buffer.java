package io.github.trimtab.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A range of bytes on the host or on a device.
 *
 * <p>A buffer either owns its memory ({@link #allocate}, or handed over with what releases it) or
 * wraps the caller's own without a copy ({@link #wrap(MemorySegment)}, {@link #ofDevicePointer(int,
 * long, long)}); closing a wrapping buffer leaves the caller's memory alone. Closing twice is
 * harmless, and use after close throws {@link IllegalStateException}. A device address is never
 * readable from Java: {@link #segment} throws instead.
 *
 * <p>Threads: a buffer may be used and closed from any thread; who writes while others read is the
 * caller's matter.
 */
public final class Buffer implements AutoCloseable {
  /** Alignment of allocated buffers in bytes, the alignment of page parts as well. */
  public static final long ALIGNMENT = 128;

  /** No thread that made a segment, so that none confined to its maker is accessible by it. */
  private static final Thread ANOTHER_THREAD =
      Thread.ofPlatform().inheritInheritableThreadLocals(false).unstarted(() -> {});

  private final Place place;
  private final long byteSize;
  private final long deviceAddress;
  private final @Nullable MemorySegment segment;
  private final @Nullable Runnable release;
  private volatile boolean open = true;

  private Buffer(
      Place place,
      long byteSize,
      long deviceAddress,
      @Nullable MemorySegment segment,
      @Nullable Runnable release) {
    this.place = place;
    this.byteSize = byteSize;
    this.deviceAddress = deviceAddress;
    this.segment = segment;
    this.release = release;
  }

  /**
   * Allocates zeroed off-heap host memory, aligned to {@link #ALIGNMENT} bytes and owned by the
   * buffer.
   *
   * <p>On Linux, 4 MiB or more ask for pages of 2 MiB, on which rows that lie apart are read
   * faster, where the library has native access ({@code --enable-native-access=io.github.trimtab},
   * on the class path {@code ALL-UNNAMED}) and the system gives such pages to whoever asks ({@code
   * /sys/kernel/mm/transparent_hugepage/enabled} is {@code madvise} or {@code always}). Elsewhere
   * the same memory lies on ordinary pages.
   *
   * @param bytes size, 0 or more
   */
  @SuppressWarnings("MustBeClosedChecker") // closed with the buffer
  public static Buffer allocate(long bytes) {
    requireSize(bytes);
    Arena arena = Arena.ofShared();
    try {
      MemorySegment memory =
          HugePages.map(bytes, arena).orElseGet(() -> arena.allocate(bytes, ALIGNMENT));
      return new Buffer(Place.HOST, bytes, 0, memory, arena::close);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Wraps the caller's host memory without a copy: heap arrays, or memory of a shared, automatic or
   * global arena.
   *
   * @param segment memory that every thread may use; read-only memory cannot be a result
   * @throws IllegalArgumentException if it belongs to one thread, as memory of {@link
   *     Arena#ofConfined} does
   */
  public static Buffer wrap(MemorySegment segment) {
    return host(segment, null);
  }

  /**
   * Takes host memory over; otherwise like {@link #wrap(MemorySegment)}.
   *
   * @param release run once, when the buffer is closed
   */
  public static Buffer wrap(MemorySegment segment, Runnable release) {
    return host(segment, release);
  }

  private static Buffer host(MemorySegment segment, @Nullable Runnable release) {
    if (!segment.isAccessibleBy(ANOTHER_THREAD)) {
      throw new IllegalArgumentException(
          "segment: "
              + segment.byteSize()
              + " bytes of a confined arena, expected memory of a shared, automatic or global"
              + " arena or of the heap, since operations run on several threads");
    }
    return new Buffer(Place.HOST, segment.byteSize(), 0, segment, release);
  }

  /**
   * Wraps the caller's device memory.
   *
   * @param ordinal the CUDA device
   * @param address device address, not 0 unless {@code bytes} is 0
   * @param bytes size, 0 or more
   */
  public static Buffer ofDevicePointer(int ordinal, long address, long bytes) {
    return device(ordinal, address, bytes, null);
  }

  /**
   * Takes device memory over.
   *
   * @param ordinal the CUDA device
   * @param address device address, not 0 unless {@code bytes} is 0
   * @param bytes size, 0 or more
   * @param release run once, when the buffer is closed
   */
  public static Buffer ofDevicePointer(int ordinal, long address, long bytes, Runnable release) {
    return device(ordinal, address, bytes, release);
  }

  private static Buffer device(int ordinal, long address, long bytes, @Nullable Runnable release) {
    Place place = Place.cuda(ordinal);
    requireSize(bytes);
    if (address == 0 && bytes > 0) {
      throw new IllegalArgumentException(
          "address: 0, expected a device address for " + bytes + " bytes");
    }
    return new Buffer(place, bytes, address, null, release);
  }

  private static void requireSize(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes: " + bytes + ", expected 0 or more");
    }
  }

  /** Where the memory lives. */
  public Place place() {
    return place;
  }

  /** Size in bytes. */
  public long byteSize() {
    return byteSize;
  }

  /**
   * Whether the memory can still be used: this buffer is not closed, and neither is what it wraps.
   */
  public boolean isOpen() {
    return open && (segment == null || segment.scope().isAlive());
  }

  /** Whether it is host memory that may be read only, such as a mapped file. */
  public boolean isReadOnly() {
    return segment != null && segment.isReadOnly();
  }

  /**
   * The host memory.
   *
   * @throws IllegalStateException if the buffer is closed or lives on a device
   */
  public MemorySegment segment() {
    requireOpen();
    if (segment == null) {
      throw new IllegalStateException(
          "the buffer lives on " + place + ": Java code cannot read it");
    }
    return segment;
  }

  /**
   * The device address.
   *
   * @throws IllegalStateException if the buffer is closed or lives on the host
   */
  public long deviceAddress() {
    requireOpen();
    if (place.isHost()) {
      throw new IllegalStateException("the buffer lives on the host: it has no device address");
    }
    return deviceAddress;
  }

  private void requireOpen() {
    if (!isOpen()) {
      throw new IllegalStateException("the buffer of " + byteSize + " bytes is closed");
    }
  }

  /**
   * Whether bytes {@code [offset, offset + bytes)} here share memory with such a range of another
   * buffer.
   */
  boolean overlaps(long offset, long bytes, Buffer other, long otherOffset, long otherBytes) {
    if (bytes == 0 || otherBytes == 0 || !place.equals(other.place)) {
      return false;
    }
    if (segment != null && other.segment != null) {
      return segment
          .asSlice(offset, bytes)
          .asOverlappingSlice(other.segment.asSlice(otherOffset, otherBytes))
          .isPresent();
    }
    long start = deviceAddress + offset;
    long otherStart = other.deviceAddress + otherOffset;
    return start < otherStart + otherBytes && otherStart < start + bytes;
  }

  /** Frees owned memory; harmless when already closed. */
  @Override
  public synchronized void close() {
    if (open) {
      open = false; // before the memory goes, so that whoever sees it open may still use it
      try {
        if (release != null) {
          release.run();
        }
      } catch (RuntimeException | Error e) {
        open = true; // not freed: it may be closed once more
        throw e;
      }
    }
  }

  @Override
  public String toString() {
    return "Buffer[" + byteSize + " bytes on " + place + (isOpen() ? "]" : ", closed]");
  }
}
