package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import org.junit.jupiter.api.Test;

/** What JCuda's objects print is understood, with no GPU: none is touched before the first call. */
final class JCudaHandlesTest {
  @Test
  void addressesIncludeTheOffset() {
    assertThat(JCudaHandles.of(new CUdeviceptr())).isZero();
    assertThat(JCudaHandles.of(new CUdeviceptr().withByteOffset(512).withByteOffset(64)))
        .isEqualTo(576);
    assertThat(JCudaHandles.of(new CUstream())).isZero();
  }
}
