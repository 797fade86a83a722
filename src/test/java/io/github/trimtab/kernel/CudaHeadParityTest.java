package io.github.trimtab.kernel;

import io.github.trimtab.CudaDevices;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** The same on CUDA. */
@Tag("cuda")
final class CudaHeadParityTest extends HeadParityTest {
  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  /** Up to 8 vectors are canonical; more go to tensor cores, which native tests hold to 2x. */
  static Stream<HeadProblem> problems() {
    return HeadParityTest.problems().filter(problem -> problem.hidden.size(0) <= 8);
  }

  @Override
  Kernels tested() {
    return CudaDevices.backend().hostKernels();
  }
}
