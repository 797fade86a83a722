package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import io.github.trimtab.cuda.CudaDevice;
import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUctx_flags;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * JCuda's memory and streams in our operations, and ours in its copies. Needs a GPU: JCuda loads
 * NVIDIA's driver itself. With {@code trimtab.test.require=cuda} it fails where there is none.
 */
@Tag("gpu")
final class JCudaInteropTest {
  private static final int TOKENS = 5;
  private static final int DIM = 8;
  private static final PageLayout LAYOUT = new PageLayout(DType.F32, 16, 1, DIM);

  @BeforeAll
  static void requireGpu() {
    Backend cuda = Backends.named("cuda");
    if ("cuda".equals(System.getProperty("trimtab.test.require"))) {
      assertThat(cuda.reasons()).isEmpty();
    }
    assumeTrue(cuda.isAvailable(), () -> String.join(" ", cuda.reasons()));
    JCudaDriver.setExceptionsEnabled(true);
    JCudaDriver.cuInit(0);
    CUcontext context = new CUcontext();
    CUdevice device = new CUdevice();
    JCudaDriver.cuDeviceGet(device, 0);
    JCudaDriver.cuDevicePrimaryCtxRetain(context, device);
    JCudaDriver.cuCtxSetCurrent(context);
  }

  private static float[] values() {
    float[] values = new float[TOKENS * DIM];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    return values;
  }

  @Test
  void itsStreamAndPointersGoIntoOurOperations() {
    long bytes = (long) TOKENS * DIM * Float.BYTES;
    CUstream theirs = new CUstream();
    JCudaDriver.cuStreamCreate(theirs, 0);
    CUdeviceptr source = new CUdeviceptr();
    CUdeviceptr both = new CUdeviceptr();
    CUdeviceptr pages = new CUdeviceptr();
    JCudaDriver.cuMemAlloc(source, bytes);
    JCudaDriver.cuMemAlloc(both, 256 + bytes);
    JCudaDriver.cuMemAlloc(pages, LAYOUT.pageBytes());
    // Behind the beginning of an allocation, and written on their stream.
    CUdeviceptr keys = both.withByteOffset(256);
    JCudaDriver.cuMemcpyHtoD(source, Pointer.to(values()), bytes);
    JCudaDriver.cuMemcpyDtoDAsync(keys, source, bytes, theirs);
    CudaDevice device = CudaDevice.of(0);
    try (CudaStream stream = device.stream(JCudaHandles.of(theirs));
        Buffer words = device.allocate(2L * Integer.BYTES)) {
      Tensor k = Tensor.of(DType.F32, device.wrap(JCudaHandles.of(keys), bytes), 1, 1, TOKENS, DIM);
      Buffer slab = device.wrap(JCudaHandles.of(pages), LAYOUT.pageBytes());
      Tensor table = Tensor.of(DType.I32, words, 1, 1, 1);
      Tensor lengths = Tensor.at(Integer.BYTES, DType.I32, words, 1, 1);
      PagedKv target = new PagedKv(LAYOUT, slab, 1, table, lengths);
      stream.kernels().append(new Append(new NewTokens(k, k), target));
      stream.synchronize();
    }
    float[] read = new float[TOKENS * DIM];
    JCudaDriver.cuMemcpyDtoH(Pointer.to(read), pages.withByteOffset(LAYOUT.keys(0)), bytes);
    assertThat(read).isEqualTo(values());
    JCudaDriver.cuMemFree(source);
    JCudaDriver.cuMemFree(both);
    JCudaDriver.cuMemFree(pages);
    JCudaDriver.cuStreamDestroy(theirs);
  }

  @Test
  void ourMemoryGoesIntoItsCopies() {
    long bytes = (long) TOKENS * DIM * Float.BYTES;
    CudaDevice device = CudaDevice.of(0);
    CUdeviceptr theirs = new CUdeviceptr();
    JCudaDriver.cuMemAlloc(theirs, bytes);
    JCudaDriver.cuMemcpyHtoD(theirs, Pointer.to(values()), bytes);
    float[] read = new float[TOKENS * DIM];
    try (CudaStream stream = device.newStream();
        Buffer ours = device.allocate(bytes)) {
      stream.memory().copy(device.wrap(JCudaHandles.of(theirs), bytes), 0, ours, 0, bytes);
      stream.memory().download(ours, 0, MemorySegment.ofArray(read));
    }
    assertThat(read).isEqualTo(values());
    JCudaDriver.cuMemFree(theirs);
  }

  @Test
  void streamsOfAContextOfItsOwnAreRefused() {
    CUdevice device = new CUdevice();
    JCudaDriver.cuDeviceGet(device, 0);
    CUcontext own = new CUcontext();
    JCudaDriver.cuCtxCreate(own, CUctx_flags.CU_CTX_SCHED_AUTO, device);
    CUstream foreign = new CUstream();
    JCudaDriver.cuStreamCreate(foreign, 0);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CudaDevice.of(0).stream(JCudaHandles.of(foreign)))
        .withMessageContaining("primary context");
    JCudaDriver.cuStreamDestroy(foreign);
    JCudaDriver.cuCtxDestroy(own);
  }
}
