package io.github.trimtab.engine.cuda;

import io.github.trimtab.BackendUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The shared libraries that the engine needs besides the backend's own. */
final class Libraries {

  /** System property that names the file of the engine's kernels. */
  static final String KERNELS_PROPERTY = "trimtab.engine.library";

  /** System property that names the file of cuBLAS, where it is not found by name. */
  static final String CUBLAS_PROPERTY = "trimtab.cublas.library";

  /** The property of the backend's library, beside which the engine's kernels are looked for. */
  private static final String BACKEND_PROPERTY = "trimtab.cuda.library";

  private static final List<String> CUBLAS = List.of("libcublas.so.13", "libcublas.so.12");

  private Libraries() {}

  /** The engine's kernels: named, beside the backend's library, or in the library path. */
  static CFunctions kernels() {
    String file = System.mapLibraryName("trimtab_engine");
    List<String> places = new ArrayList<>();
    String named = System.getProperty(KERNELS_PROPERTY);
    if (named != null) {
      places.add(named);
    } else {
      String backend = System.getProperty(BACKEND_PROPERTY);
      if (backend != null) {
        places.add(Path.of(backend).resolveSibling(file).toString());
      }
      for (String folder : System.getProperty("java.library.path", "").split(":", -1)) {
        places.add(Path.of(folder, file).toString());
      }
    }
    return open(
        places.stream()
            .map(place -> Path.of(place).toAbsolutePath())
            .filter(Files::isRegularFile)
            .map(Path::toString)
            .toList(),
        named != null
            ? KERNELS_PROPERTY + ": " + named + ", expected the file of the engine's kernels."
            : "The engine's kernels were not found: put "
                + file
                + " beside the CUDA library that -D"
                + BACKEND_PROPERTY
                + " names, or name it by -D"
                + KERNELS_PROPERTY
                + ".");
  }

  /** NVIDIA's matrix products. */
  static CFunctions cublas() {
    String named = System.getProperty(CUBLAS_PROPERTY);
    return open(
        named != null ? List.of(named) : CUBLAS,
        named != null
            ? CUBLAS_PROPERTY + ": " + named + ", expected the file of cuBLAS."
            : "There is no cuBLAS: neither "
                + String.join(" nor ", CUBLAS)
                + " can be opened; install it from the CUDA toolkit, or name the file by -D"
                + CUBLAS_PROPERTY
                + ".");
  }

  /** The first library that can be opened; it stays open. */
  private static CFunctions open(List<String> names, String reason) {
    for (String name : names) {
      try {
        return new CFunctions(SymbolLookup.libraryLookup(name, Arena.global()));
      } catch (IllegalArgumentException _) {
        // The next one, or the reason.
      }
    }
    throw new BackendUnavailableException("cuda", List.of(reason));
  }
}
