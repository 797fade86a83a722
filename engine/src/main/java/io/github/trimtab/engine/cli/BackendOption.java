package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.llama.CudaLlama;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.kernel.Kernels;
import org.jspecify.annotations.Nullable;
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

  /**
   * Where language models run.
   *
   * @param gpu of {@link #gpu}
   * @throws io.github.trimtab.BackendUnavailableException if the backend does not work here
   */
  LlamaBackend llama(@Nullable Gpu gpu) {
    return gpu == null ? LlamaBackend.host(kernels()) : new CudaLlama(gpu);
  }

  /**
   * The GPU that whole models run on, if the backend is CUDA.
   *
   * @return null for other backends
   * @throws io.github.trimtab.BackendUnavailableException if something that this needs is missing
   */
  @Nullable Gpu gpu() {
    return backend == BackendChoice.CUDA ? Gpu.open() : null;
  }
}
