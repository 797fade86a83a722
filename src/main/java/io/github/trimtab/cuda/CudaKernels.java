package io.github.trimtab.cuda;

import io.github.trimtab.internal.cuda.NativeLibrary;
import io.github.trimtab.kernel.Kernels;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** The CUDA backend as a whole. */
public final class CudaKernels {
  /** Threads that run in step: a warp. */
  public static final int LANES = 32;

  private CudaKernels() {}

  /** Why it does not work here, in a sentence; empty if it does. */
  public static String reason() {
    return NativeLibrary.get().reason();
  }

  /**
   * What it runs on, for people: the first device and its memory, how many there are, the library's
   * build, and whether a GPU has tested its kernels.
   *
   * @throws IllegalStateException with the reason, if it does not work here
   */
  public static String device() {
    CudaDevice first = CudaDevice.first();
    int count = CudaDevice.count();
    return "%s, %d MiB%s; library %s; kernels %s"
        .formatted(
            first,
            first.memoryBytes() >> 20,
            count > 1 ? ", one of " + count : "",
            NativeLibrary.build(),
            verification());
  }

  /** The first line of the record of runs on GPUs, without its key. */
  private static String verification() {
    try (InputStream record = CudaKernels.class.getResourceAsStream("VERIFIED.md")) {
      if (record == null) {
        return "without a record of tests";
      }
      String text = new String(record.readAllBytes(), StandardCharsets.UTF_8);
      return text.lines().findFirst().orElse("").replace("status: ", "");
    } catch (IOException e) {
      return "without a record of tests: " + e.getMessage();
    }
  }

  /** Operations over memory of any device, each on that device's default stream. */
  public static Kernels onDevices() {
    return new DefaultKernels();
  }

  /**
   * Operations over host memory, which are copied to the {@linkplain CudaDevice#first first device}
   * and back.
   *
   * @throws IllegalStateException with the reason, if it does not work here
   */
  public static Kernels onHostMemory() {
    return new StagedKernels(CudaDevice.first());
  }
}
