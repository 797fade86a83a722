package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;
import static io.github.trimtab.internal.cuda.bindings.trimtab_h.TRIMTAB_CONTEXT_LOST;
import static io.github.trimtab.internal.cuda.bindings.trimtab_h.TRIMTAB_INVALID_ARGUMENT;
import static io.github.trimtab.internal.cuda.bindings.trimtab_h.TRIMTAB_OUT_OF_MEMORY;
import static io.github.trimtab.internal.cuda.bindings.trimtab_h.TRIMTAB_SMALL_WORKSPACE;
import static io.github.trimtab.internal.cuda.bindings.trimtab_h.TRIMTAB_SUCCESS;
import static io.github.trimtab.internal.cuda.bindings.trimtab_h.TRIMTAB_WRONG_PLACE;

import io.github.trimtab.internal.cuda.NativeLibrary;
import io.github.trimtab.internal.cuda.bindings.trimtab_error;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.StampedLock;
import java.util.function.IntSupplier;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A device's primary context, which every CUDA program in the process shares, and the errors of
 * calls in it. It stays retained for as long as the process lives.
 *
 * <p>The driver's functions act on the calling thread's current context. {@link #enter} and {@link
 * #exit} set and restore it around each call, with nothing between them at which a virtual thread
 * could change its carrier.
 *
 * <p>Threads: any.
 */
final class Context {
  // Where the driver writes a context that nobody asks for.
  private static final MemorySegment POPPED = Arena.global().allocate(C_POINTER);

  private final int device;
  private final MemorySegment handle;

  /**
   * Read: an operation's buffers stay as they are from its check to its launch; write: memory is
   * freed. Two atomic updates a launch and no allocation; not reentrant.
   */
  private final StampedLock memory = new StampedLock();

  private volatile @Nullable String loss;
  private volatile int lossCode;

  Context(int device) {
    this.device = device;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment driverDevice = arena.allocate(C_INT);
      check("cuDeviceGet", cuDeviceGet(driverDevice, device));
      MemorySegment out = arena.allocate(C_POINTER);
      check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(out, driverDevice.get(C_INT, 0)));
      this.handle = out.get(C_POINTER, 0);
    }
  }

  int device() {
    return device;
  }

  MemorySegment handle() {
    return handle;
  }

  boolean isLost() {
    return loss != null;
  }

  /** Makes this context current; {@link #exit} must follow. */
  void enter() {
    requireAlive();
    check("cuCtxPushCurrent", cuCtxPushCurrent_v2(handle));
  }

  void exit() {
    int _ = cuCtxPopCurrent_v2(POPPED);
  }

  /** What a function of the driver answers in this context. */
  int result(IntSupplier function) {
    enter();
    try {
      return function.getAsInt();
    } finally {
      exit();
    }
  }

  /** Calls a function of the driver in this context, and throws what its result means. */
  void call(String name, IntSupplier function) {
    check(name, result(function));
  }

  /** Calls a function that writes a pointer, and returns that. */
  MemorySegment create(String name, ToIntFunction<MemorySegment> function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(C_POINTER);
      call(name, () -> function.applyAsInt(out));
      return MemorySegment.ofAddress(out.get(C_POINTER, 0).address());
    }
  }

  /** Calls a function that frees something; what a lost context held is gone already. */
  void release(String name, IntSupplier function) {
    if (!isLost()) {
      call(name, function);
    }
  }

  /**
   * Keeps the device's memory from being freed until {@link #allowFrees}; who holds it frees none.
   *
   * @return what to hand to {@link #allowFrees}
   */
  long holdFrees() {
    return memory.readLock();
  }

  void allowFrees(long held) {
    memory.unlockRead(held);
  }

  /** Frees memory that operations may have seen. */
  void free(long address) {
    long held = memory.writeLock();
    try {
      release("cuMemFree", () -> cuMemFree_v2(address));
    } finally {
      memory.unlockWrite(held);
    }
  }

  /** Throws what a driver's result means. */
  void check(String name, int code) {
    if (code != CUDA_SUCCESS()) {
      throw failure(name, code, errorName(code));
    }
  }

  /**
   * Throws what a status of Trimtab's library means.
   *
   * @param before what was enqueued before: an error on the device may be of that
   */
  void checkStatus(String operation, String before, int status, MemorySegment error) {
    if (status == TRIMTAB_SUCCESS()) {
      return;
    }
    requireAlive();
    String text = NativeLibrary.text(error);
    int code = trimtab_error.cuda(error);
    if (status == TRIMTAB_INVALID_ARGUMENT()
        || status == TRIMTAB_WRONG_PLACE()
        || status == TRIMTAB_SMALL_WORKSPACE()) {
      throw new IllegalArgumentException(operation + ": " + text);
    }
    if (status == TRIMTAB_OUT_OF_MEMORY()) {
      throw new DeviceMemoryException(operation + ": " + text, code);
    }
    String place = operation + " after " + before;
    throw status == TRIMTAB_CONTEXT_LOST() ? lose(place, code, text) : failure(place, code, text);
  }

  private CudaException failure(String name, int code, String text) {
    if (code == CUDA_ERROR_OUT_OF_MEMORY()) {
      return new DeviceMemoryException(name + " on cuda:" + device + ": " + text, code);
    }
    return isSticky(code)
        ? lose(name, code, text)
        : new CudaException(name + " on cuda:" + device + ": " + text, code);
  }

  /** Remembers the first loss and reports it; from then on {@link #requireAlive} throws. */
  private synchronized CudaException lose(String name, int code, String text) {
    if (loss != null) {
      return lost();
    }
    lossCode = code;
    loss = name + ": " + text;
    return new CudaException(
        name + " on cuda:" + device + ": " + text + "; the device's context is lost", code);
  }

  void requireAlive() {
    if (isLost()) {
      throw lost();
    }
  }

  private ContextLostException lost() {
    return new ContextLostException(
        "the context of cuda:" + device + " is lost since " + loss, lossCode);
  }

  /** Whether nothing works on a device after this error; the native library has the same list. */
  static boolean isSticky(int code) {
    return code == CUDA_ERROR_ECC_UNCORRECTABLE()
        || code == CUDA_ERROR_NVLINK_UNCORRECTABLE()
        || code == CUDA_ERROR_CONTAINED()
        || code == CUDA_ERROR_ILLEGAL_ADDRESS()
        || code == CUDA_ERROR_LAUNCH_TIMEOUT()
        || code == CUDA_ERROR_CONTEXT_IS_DESTROYED()
        || code == CUDA_ERROR_ASSERT()
        || (code >= CUDA_ERROR_HARDWARE_STACK_ERROR() && code <= CUDA_ERROR_LAUNCH_FAILED())
        || code == CUDA_ERROR_TENSOR_MEMORY_LEAK();
  }

  private static String errorName(int code) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(C_POINTER);
      String name = cuGetErrorName(code, out) == 0 ? out.get(C_POINTER, 0).getString(0) : "error";
      String text = cuGetErrorString(code, out) == 0 ? out.get(C_POINTER, 0).getString(0) : "";
      return name + " (" + code + "): " + text;
    }
  }
}
