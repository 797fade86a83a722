package io.github.trimtab.engine.cli;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import java.util.Locale;

/** The values of {@code --backend}; all run on the command's tensors, which lie on the host. */
enum BackendChoice {
  AUTO,
  SCALAR,
  VECTOR,
  CUDA;

  /**
   * The backend's operations.
   *
   * @throws io.github.trimtab.BackendUnavailableException if it does not work here
   */
  Kernels kernels() {
    Backend backend = this == AUTO ? Backends.bestOnHost() : Backends.named(toString());
    return backend.hostKernels();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
