package io.github.trimtab.benchmarks;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import jcuda.CudaException;
import jcuda.JCudaVersion;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * JCuda, a binding of CUDA's driver by JNI: kernels that do nothing, and copies. It calls in device
 * 0's primary context, which {@link #enter} makes current as it wants it, and {@link #exit} no
 * longer.
 */
final class JCudaPeer {
  /** Its name and version, as the tables call it. */
  static final String NAME = "JCuda " + JCudaVersion.get();

  /** Compiled by the driver; a small operation has about four buffers. */
  private static final byte[] KERNELS =
      """
      .version 6.3
      .target sm_75
      .address_size 64
      .visible .entry nothing() { ret; }
      .visible .entry four(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d) { ret; }
      \0\
      """
          .getBytes(StandardCharsets.US_ASCII);

  private final CUcontext context = new CUcontext();
  private final CUstream stream = new CUstream();
  private final CUfunction nothing = new CUfunction();
  private final CUfunction four = new CUfunction();
  private final Pointer arguments;

  private JCudaPeer() {
    JCudaDriver.setExceptionsEnabled(true);
    JCudaDriver.cuInit(0);
    CUdevice device = new CUdevice();
    JCudaDriver.cuDeviceGet(device, 0);
    JCudaDriver.cuDevicePrimaryCtxRetain(context, device);
    enter();
    JCudaDriver.cuStreamCreate(stream, 0);
    CUmodule module = new CUmodule();
    JCudaDriver.cuModuleLoadData(module, KERNELS);
    JCudaDriver.cuModuleGetFunction(nothing, module, "nothing");
    JCudaDriver.cuModuleGetFunction(four, module, "four");
    CUdeviceptr memory = new CUdeviceptr();
    JCudaDriver.cuMemAlloc(memory, 1);
    Pointer argument = Pointer.to(memory);
    arguments = Pointer.to(argument, argument, argument, argument);
    exit();
  }

  /** A sentence goes to {@code absent} where it cannot take part. */
  static Optional<JCudaPeer> find(List<String> absent) {
    try {
      return Optional.of(new JCudaPeer());
    } catch (LinkageError e) {
      absent.add("JCuda: its native library does not load, which needs NVIDIA's driver.");
    } catch (CudaException e) {
      absent.add("JCuda: " + e.getMessage() + ".");
    }
    return Optional.empty();
  }

  void enter() {
    JCudaDriver.cuCtxPushCurrent(context);
  }

  void exit() {
    JCudaDriver.cuCtxPopCurrent(new CUcontext());
  }

  /** Enqueues a kernel without arguments. */
  void launch() {
    launch(nothing, null);
  }

  /** Enqueues a kernel of four pointers. */
  void launchWithPointers() {
    launch(four, arguments);
  }

  private void launch(CUfunction function, @Nullable Pointer arguments) {
    JCudaDriver.cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, arguments, null);
  }

  /** Waits for all that was enqueued in the context. */
  void waitAndExit() {
    JCudaDriver.cuCtxSynchronize();
    exit();
  }

  /** Memory of the device, and of the host in a direct buffer and pinned. */
  final class Copies implements AutoCloseable {
    private final long bytes;
    private final ByteBuffer ordinary;
    private final Pointer pinned = new Pointer();
    private final CUdeviceptr device = new CUdeviceptr();

    Copies(int bytes) {
      this.bytes = bytes;
      this.ordinary = ByteBuffer.allocateDirect(bytes);
      enter();
      JCudaDriver.cuMemAllocHost(pinned, bytes);
      JCudaDriver.cuMemAlloc(device, bytes);
      exit();
    }

    /** As our copies: of memory that the driver knows nothing of. */
    DeviceCopies.Form ordinary() {
      Pointer host = Pointer.to(ordinary);
      return form(
          "synchronous",
          ordinary,
          () -> JCudaDriver.cuMemcpyHtoD(device, host, bytes),
          () -> JCudaDriver.cuMemcpyDtoH(host, device, bytes));
    }

    /** As fast as it goes, of memory that was allocated for it. */
    DeviceCopies.Form pinned() {
      return form(
          "pinned memory, waited for",
          pinned.getByteBuffer(0, bytes),
          () -> {
            JCudaDriver.cuMemcpyHtoDAsync(device, pinned, bytes, stream);
            JCudaDriver.cuStreamSynchronize(stream);
          },
          () -> {
            JCudaDriver.cuMemcpyDtoHAsync(pinned, device, bytes, stream);
            JCudaDriver.cuStreamSynchronize(stream);
          });
    }

    private DeviceCopies.Form form(
        String name, ByteBuffer host, Runnable upload, Runnable download) {
      return new DeviceCopies.Form(
          NAME + ", " + name,
          MemorySegment.ofBuffer(host),
          JCudaPeer.this::enter,
          upload,
          download,
          JCudaPeer.this::waitAndExit);
    }

    @Override
    public void close() {
      enter();
      JCudaDriver.cuMemFree(device);
      JCudaDriver.cuMemFreeHost(pinned);
      exit();
    }
  }
}
