package io.github.trimtab.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.Test;

/** The backend as a whole, where it works and where it does not. */
final class CudaKernelsTest {
  @Test
  void whereThereIsNoDeviceItSaysWhy() {
    String reason = CudaKernels.reason();
    if (reason.isEmpty()) {
      assertThat(CudaKernels.device()).startsWith("cuda:");
      assertThat(CudaKernels.onHostMemory()).isNotNull();
      return;
    }
    assertThatIllegalStateException()
        .isThrownBy(CudaKernels::device)
        .withMessage("backend cuda is not available: " + reason);
    assertThatIllegalStateException()
        .isThrownBy(CudaKernels::onHostMemory)
        .withMessageEndingWith(reason);
  }
}
