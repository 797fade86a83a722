package io.github.trimtab.kernel;

import io.github.trimtab.CudaDevices;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention's accuracy on CUDA; the native tests measure every format and shape by itself. */
@Tag("cuda")
class CudaAttendTest {
  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  /** A third of the problems: a GPU's emulation is slow. */
  static Stream<Arguments> problems() {
    return AttendAccuracyTest.problems().limit(20);
  }

  @ParameterizedTest
  @MethodSource("problems")
  void accuracy(Mask mask, Problem problem) {
    AttendAccuracyTest.attend(CudaDevices.backend().hostKernels(), mask, problem, true);
  }
}
