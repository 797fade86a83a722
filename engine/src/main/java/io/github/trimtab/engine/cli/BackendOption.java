package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import picocli.CommandLine.Option;

/** {@code --backend}, of every command that computes. */
final class BackendOption {
  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "auto",
      description = "Where to run: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private BackendChoice backend = BackendChoice.AUTO;

  /**
   * The backend's operations.
   *
   * @throws io.github.trimtab.BackendUnavailableException if it does not work here
   */
  Kernels kernels() {
    return backend.kernels();
  }
}
