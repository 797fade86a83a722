package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;

import io.github.trimtab.internal.cuda.HostPointers;
import io.github.trimtab.internal.cuda.NativeLibrary;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Place;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A CUDA device: its memory, and streams on which operations run.
 *
 * <p>All of it lives in the device's primary context, so pointers and streams of other CUDA
 * libraries in the process can be used here, and the other way round.
 *
 * <p>Threads: any, virtual threads too.
 */
public final class CudaDevice {
  private static final ConcurrentHashMap<Integer, CudaDevice> DEVICES = new ConcurrentHashMap<>();

  /** CU_STREAM_PER_THREAD of cuda.h. */
  private static final long PER_THREAD_STREAM = 2;

  private final Context context;
  private final NativeLibrary.DeviceInfo info;
  private @Nullable CudaStream defaultStream;

  private CudaDevice(int ordinal, NativeLibrary.DeviceInfo info) {
    this.info = info;
    this.context = new Context(ordinal);
  }

  /**
   * Devices that the driver shows.
   *
   * @return 0 where CUDA does not work; {@link io.github.trimtab.Backend#reasons} says why
   */
  public static int count() {
    return NativeLibrary.get().devices().size();
  }

  /**
   * The first device that works.
   *
   * @throws IllegalStateException with the reason, if CUDA does not work here
   */
  public static CudaDevice first() {
    String reason = CudaKernels.reason();
    if (!reason.isEmpty()) {
      throw new IllegalStateException("backend cuda is not available: " + reason);
    }
    var devices = NativeLibrary.get().devices();
    int ordinal = 0;
    while (!devices.get(ordinal).fault().isEmpty()) {
      ordinal++;
    }
    return of(ordinal);
  }

  /**
   * The device of an ordinal.
   *
   * @throws IllegalArgumentException if there is none that works
   */
  public static CudaDevice of(int ordinal) {
    CudaDevice device = DEVICES.get(ordinal);
    return device != null ? device : DEVICES.computeIfAbsent(ordinal, CudaDevice::open);
  }

  private static CudaDevice open(int ordinal) {
    NativeLibrary library = NativeLibrary.get();
    if (ordinal < 0 || ordinal >= library.devices().size()) {
      throw new IllegalArgumentException(
          "ordinal: "
              + ordinal
              + ", expected "
              + (library.devices().isEmpty()
                  ? "nothing, since there is no device. " + library.reason()
                  : "0 to " + (library.devices().size() - 1)));
    }
    NativeLibrary.DeviceInfo info = library.devices().get(ordinal);
    if (!info.fault().isEmpty()) {
      throw new IllegalArgumentException(
          "ordinal: " + ordinal + ", expected a device that works. " + info.fault());
    }
    return new CudaDevice(ordinal, info);
  }

  Context context() {
    return context;
  }

  /** The ordinal. */
  public int ordinal() {
    return context.device();
  }

  /** Where its memory lives. */
  public Place place() {
    return Place.cuda(ordinal());
  }

  /** Its name, as the driver gives it. */
  public String name() {
    return info.name();
  }

  /** Compute capability, ten times the major number and the minor one: 90 is 9.0. */
  public int capability() {
    return 10 * info.major() + info.minor();
  }

  /** Bytes of its memory in all. */
  public long memoryBytes() {
    return info.memoryBytes();
  }

  /** Bytes of its memory that no program uses at the moment: what a pool can be sized by. */
  public long freeBytes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(C_LONG);
      MemorySegment all = arena.allocate(C_LONG);
      context.call("cuMemGetInfo", () -> cuMemGetInfo_v2(free, all));
      return free.get(C_LONG, 0);
    }
  }

  /**
   * Zeroed device memory, aligned to 256 bytes and owned by the buffer. Making and closing it wait
   * for the device, so neither belongs into a step.
   *
   * @param bytes size, 0 or more
   * @throws DeviceMemoryException if there is too little; all that was allocated before works on
   */
  public Buffer allocate(long bytes) {
    requireSize(bytes);
    if (bytes == 0) {
      return Buffer.ofDevicePointer(ordinal(), 0, 0);
    }
    long address;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(C_LONG_LONG);
      context.call(bytes + " bytes", () -> cuMemAlloc_v2(out, bytes));
      address = out.get(C_LONG_LONG, 0);
    } catch (DeviceMemoryException e) {
      throw new DeviceMemoryException(e.getMessage() + "; " + freeBytes() + " are free", e.code());
    }
    try {
      // On the default stream, which streams made here do not wait for.
      MemorySegment stream = MemorySegment.NULL;
      context.call("cuMemsetD8Async", () -> cuMemsetD8Async(address, (byte) 0, bytes, stream));
      context.call("cuStreamSynchronize", () -> cuStreamSynchronize(stream));
    } catch (RuntimeException | Error e) {
      context.release("cuMemFree", () -> cuMemFree_v2(address)); // which nobody else knows
      throw e;
    }
    return Buffer.ofDevicePointer(ordinal(), address, bytes, () -> context.free(address));
  }

  /**
   * Page-locked host memory, not zeroed and owned by the buffer, for copies that another CUDA
   * library makes from and to it without waiting. Trimtab's own ({@link CudaStream#memory}) take
   * any host memory and gain nothing by it.
   *
   * @param bytes size, 0 or more
   * @throws DeviceMemoryException if the system cannot lock so much
   */
  @SuppressWarnings("MustBeClosedChecker") // closed with the buffer
  public Buffer pinned(long bytes) {
    requireSize(bytes);
    if (bytes == 0) {
      return Buffer.allocate(0);
    }
    MemorySegment pointer =
        context.create(
            bytes + " pinned bytes", out -> cuMemHostAlloc(out, bytes, CU_MEMHOSTALLOC_PORTABLE()));
    Arena arena = Arena.ofShared();
    MemorySegment segment = HostPointers.sized(pointer, bytes, arena);
    return Buffer.wrap(
        segment,
        () -> {
          arena.close(); // from here on a read throws
          context.release("cuMemFreeHost", () -> cuMemFreeHost(pointer));
        });
  }

  /**
   * Wraps device memory of the caller, without a copy; closing the buffer leaves it alone.
   *
   * @param address of the first byte, of any CUDA library in the process; it may lie inside an
   *     allocation
   * @param bytes size, 0 or more
   * @throws IllegalArgumentException if the first or the last byte is none of this device's
   */
  public Buffer wrap(long address, long bytes) {
    Buffer buffer = Buffer.ofDevicePointer(ordinal(), address, bytes);
    if (bytes > 0) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment out = arena.allocate(C_INT);
        requireOurs(address, out);
        requireOurs(address + bytes - 1, out);
      }
    }
    return buffer;
  }

  private void requireOurs(long address, MemorySegment out) {
    int attribute = CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL();
    int code = context.result(() -> cuPointerGetAttribute(out, attribute, address));
    int owner = code == CUDA_SUCCESS() ? out.get(C_INT, 0) : -1;
    if (owner != ordinal()) {
      throw new IllegalArgumentException(
          "address: 0x%x%s, expected memory of cuda:%d"
              .formatted(
                  address,
                  owner < 0 ? ", which CUDA does not know" : " of cuda:" + owner,
                  ordinal()));
    }
  }

  /**
   * A pool of pages in one allocation of device memory. Its pages are used on one stream at a time,
   * see {@link PagePool#useOn}.
   *
   * @param capacity pages, 1 or more
   * @throws DeviceMemoryException if there is too little
   */
  public PagePool pool(PageLayout layout, int capacity) {
    return new PagePool(layout, capacity, this::allocate);
  }

  /** A new stream, which waits for no other, not even the legacy default stream. */
  public CudaStream newStream() {
    MemorySegment handle =
        context.create("cuStreamCreate", out -> cuStreamCreate(out, CU_STREAM_NON_BLOCKING()));
    try {
      return new CudaStream(this, handle, true);
    } catch (RuntimeException | Error e) {
      context.release("cuStreamDestroy", () -> cuStreamDestroy_v2(handle));
      throw e;
    }
  }

  /**
   * A stream of the caller's. Closing the result waits for it and leaves it open; the caller
   * destroys it afterwards.
   *
   * @param handle CUstream of the device's primary context, or 0 for the legacy default stream
   * @throws IllegalArgumentException if it belongs to another context
   */
  public CudaStream stream(long handle) {
    if (handle == PER_THREAD_STREAM) {
      throw new IllegalArgumentException(
          "handle: 2, another stream on each thread, expected a stream of its own");
    }
    MemorySegment stream = MemorySegment.ofAddress(handle);
    if (handle != 0) {
      MemorySegment owner = context.create("cuStreamGetCtx", out -> cuStreamGetCtx(stream, out));
      if (owner.address() != context.handle().address()) {
        throw new IllegalArgumentException(
            "handle: 0x%x, expected a stream of cuda:%d's primary context"
                .formatted(handle, ordinal()));
      }
    }
    return new CudaStream(this, stream, false);
  }

  /**
   * The stream on which the backend's operations run where nobody chose one. Once it is closed, the
   * next call makes another.
   */
  public synchronized CudaStream defaultStream() {
    CudaStream stream = defaultStream;
    if (stream == null || !stream.isOpen()) {
      stream = newStream();
      defaultStream = stream;
    }
    return stream;
  }

  private static void requireSize(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("bytes: " + bytes + ", expected 0 or more");
    }
  }

  @Override
  public String toString() {
    return "cuda:"
        + ordinal()
        + " ("
        + name()
        + ", compute capability "
        + capability() / 10
        + "."
        + capability() % 10
        + ")";
  }
}
