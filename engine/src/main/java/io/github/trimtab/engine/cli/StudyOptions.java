package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of every command that measures a model over many passes. */
final class StudyOptions {

  /** System property of the library: threads of one operation. */
  private static final String THREADS = "trimtab.threads";

  @Option(
      names = "--model",
      paramLabel = "DIR",
      defaultValue = "${sys:trimtab.home:-.}/models/var-emoji",
      description = "Folder of the model (default: ${DEFAULT-VALUE}).")
  private Path folder = Path.of("");

  @Mixin private BackendOption backend = new BackendOption();

  /** Folder of the model. */
  Path folder() {
    return folder;
  }

  /**
   * The backend's operations. A study works on several maps at once, a core each, so its operations
   * need no threads of their own unless the user asks for them.
   */
  Kernels kernels() {
    if (System.getProperty(THREADS) == null) {
      System.setProperty(THREADS, "1");
    }
    return backend.kernels();
  }
}
