package io.github.trimtab.cuda;

import io.github.trimtab.internal.cuda.Addresses;
import io.github.trimtab.internal.scalar.OperationChecks;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Buffer;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Operations over host memory that run on a device: operands are copied there, results back, and
 * the caller waits. Bad input is met as on a CPU backend, before anything is copied.
 */
final class StagedKernels extends OperationKernels {
  private final CudaDevice device;

  /**
   * Of its own, so that nobody else's bad values are reported here; made by the first operation.
   */
  private @Nullable CudaStream made;

  StagedKernels(CudaDevice device) {
    this.device = device;
  }

  private CudaStream stream() {
    CudaStream stream = made;
    if (stream == null) {
      stream = device.newStream();
      made = stream;
    }
    return stream;
  }

  @Override
  synchronized void run(Operation op) {
    OperationChecks.check(op);
    CudaStream stream = stream();
    try (Copies copies = new Copies(stream)) {
      stream.run(op, copies);
      stream.synchronize();
      copies.download();
    }
  }

  /** The device's copies of host buffers. */
  private static final class Copies implements Addresses, AutoCloseable {
    private final CudaStream stream;
    private final IdentityHashMap<Buffer, Buffer> copies = new IdentityHashMap<>();
    private final IdentityHashMap<Buffer, Buffer> results = new IdentityHashMap<>();

    Copies(CudaStream stream) {
      this.stream = stream;
    }

    @Override
    public long of(Buffer buffer, boolean written) {
      Buffer copy = copies.computeIfAbsent(buffer, this::upload);
      if (written) {
        results.put(buffer, copy);
      }
      return copy.deviceAddress();
    }

    private Buffer upload(Buffer buffer) {
      Buffer copy = stream.device().allocate(buffer.byteSize());
      stream.memory().upload(buffer.segment(), copy, 0);
      return copy;
    }

    void download() {
      results.forEach((buffer, copy) -> stream.memory().download(copy, 0, buffer.segment()));
    }

    @Override
    public void close() {
      copies.values().forEach(Buffer::close);
    }
  }
}
