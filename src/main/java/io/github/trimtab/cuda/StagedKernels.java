package io.github.trimtab.cuda;

import io.github.trimtab.internal.scalar.OperationChecks;
import io.github.trimtab.kernel.Operation;
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
    try (StagedCopies copies = StagedCopies.upload(op, stream)) {
      stream.run(op, copies);
      stream.synchronize();
      copies.download();
    }
  }
}
