package io.github.trimtab.kernel;

import io.github.trimtab.CudaDevices;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** The same on CUDA. */
@Tag("cuda")
final class CudaParityTest extends ParityTest {
  /** A third of the problems: a GPU's emulation is slow. Hides the method of the superclass. */
  static Stream<Problem> problems() {
    return Problem.all(30);
  }

  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  @Override
  Kernels tested() {
    return CudaDevices.backend().hostKernels();
  }
}
