package io.github.trimtab;

import io.github.trimtab.kernel.Kernels;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One way to run operations on this machine, or the reasons why it cannot.
 *
 * <p>Threads: immutable; see {@link Kernels} for the operations.
 */
public final class Backend {
  private final String name;
  private final String device;
  private final int lanes;
  private final List<String> reasons;
  private final @Nullable Kernels kernels;
  private final @Nullable Kernels hostKernels;

  private Backend(
      String name,
      String device,
      int lanes,
      List<String> reasons,
      @Nullable Kernels kernels,
      @Nullable Kernels hostKernels) {
    this.name = name;
    this.device = device;
    this.lanes = lanes;
    this.reasons = List.copyOf(reasons);
    this.kernels = kernels;
    this.hostKernels = hostKernels;
  }

  static Backend working(String name, String device, int lanes, Kernels kernels) {
    return new Backend(name, device, lanes, List.of(), kernels, kernels);
  }

  /** A backend that runs elsewhere, with operations that copy from and to the host. */
  static Backend elsewhere(
      String name, String device, int lanes, Kernels kernels, Kernels hostKernels) {
    return new Backend(name, device, lanes, List.of(), kernels, hostKernels);
  }

  static Backend missing(String name, String reason) {
    return new Backend(name, "", 0, List.of(reason), null, null);
  }

  /** scalar, vector or cuda. */
  public String name() {
    return name;
  }

  /** Whether operations run on it here. */
  public boolean isAvailable() {
    return kernels != null;
  }

  /** What it runs on, for people; empty if it is not available. */
  public String device() {
    return device;
  }

  /** 32-bit lanes of a vector, 1 for scalar, 0 if it is not available. */
  public int lanes() {
    return lanes;
  }

  /** Operations that merely call another backend's: none, each backend has its own of all. */
  public Set<String> delegates() {
    return Set.of();
  }

  /**
   * Why it is not available: a sentence each, naming the flag, file or driver to mend; empty if it
   * is.
   */
  public List<String> reasons() {
    return reasons;
  }

  /**
   * The operations, over memory of the place where the backend runs: the host, or a CUDA device.
   *
   * @throws BackendUnavailableException with the reasons, if it is not available
   */
  public Kernels kernels() {
    return available(kernels);
  }

  /**
   * The operations over host memory. A backend that runs elsewhere copies operands there and
   * results back: for tools and comparisons, not for speed.
   *
   * @throws BackendUnavailableException with the reasons, if it is not available
   */
  public Kernels hostKernels() {
    return available(hostKernels);
  }

  private Kernels available(@Nullable Kernels wanted) {
    if (wanted == null) {
      throw new BackendUnavailableException(name, reasons);
    }
    return wanted;
  }

  @Override
  public String toString() {
    return kernels == null
        ? name + " (not available: " + String.join(" ", reasons) + ")"
        : name + " (" + device + ")";
  }
}
