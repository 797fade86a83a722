package io.github.trimtab.kernel;

import io.github.trimtab.CudaDevices;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** The same on CUDA. */
@Tag("cuda")
final class CudaSoftmaxParityTest extends SoftmaxParityTest {
  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  @Override
  Kernels tested() {
    return CudaDevices.backend().hostKernels();
  }
}
