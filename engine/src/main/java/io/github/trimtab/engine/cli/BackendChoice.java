package io.github.trimtab.engine.cli;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import java.util.Locale;

/** The values of {@code --backend}. */
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
    Backend backend = this == AUTO ? Backends.best() : Backends.named(toString());
    return backend.kernels();
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
