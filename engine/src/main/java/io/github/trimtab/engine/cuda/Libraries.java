package io.github.trimtab.engine.cuda;

import io.github.trimtab.BackendUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The shared libraries that the engine needs besides the backend's own. */
final class Libraries {

  /** System property that names the file of the engine's kernels. */
  static final String KERNELS_PROPERTY = "trimtab.engine.library";

  /** System property that names the file of cuBLAS, where it is not found by name. */
  static final String CUBLAS_PROPERTY = "trimtab.cublas.library";

  /** The property of the backend's library, beside which the engine's kernels are looked for. */
  private static final String BACKEND_PROPERTY = "trimtab.cuda.library";

  private static final String KERNELS = System.mapLibraryName("trimtab_engine");

  private static final List<String> CUBLAS = List.of("libcublas.so.13", "libcublas.so.12");

  private Libraries() {}

  /**
   * The engine's kernels: named, or else where the backend's library is looked for: beside the file
   * that is named, in a natives jar, in the library path.
   */
  static CFunctions kernels() {
    String named = System.getProperty(KERNELS_PROPERTY);
    List<Path> places = new ArrayList<>();
    String backend = System.getProperty(BACKEND_PROPERTY);
    if (named != null) {
      places.add(Path.of(named));
    } else if (backend != null) {
      places.add(Path.of(backend).resolveSibling(KERNELS));
    } else {
      unpack().ifPresent(places::add);
      for (String folder : System.getProperty("java.library.path", "").split(":", -1)) {
        places.add(Path.of(folder, KERNELS));
      }
    }
    return open(
        places.stream()
            .map(Path::toAbsolutePath)
            .filter(Files::isRegularFile)
            .map(Path::toString)
            .toList(),
        named != null
            ? KERNELS_PROPERTY + ": " + named + ", expected the file of the engine's kernels."
            : "The engine's kernels were not found: put "
                + KERNELS
                + " beside the CUDA library that -D"
                + BACKEND_PROPERTY
                + " names, add the natives jar to the class path, or name the file by -D"
                + KERNELS_PROPERTY
                + ".");
  }

  /** Writes the natives jar's file, if there is that jar, to a folder that its owner can enter. */
  private static Optional<Path> unpack() {
    String resource =
        "META-INF/native/linux-" + System.getProperty("os.arch").replace("amd64", "x86_64") + "/";
    try (InputStream packed =
        Libraries.class.getClassLoader().getResourceAsStream(resource + KERNELS)) {
      if (packed == null) {
        return Optional.empty();
      }
      Path folder = Files.createTempDirectory("trimtab");
      Path file = folder.resolve(KERNELS);
      folder.toFile().deleteOnExit();
      file.toFile().deleteOnExit();
      Files.copy(packed, file);
      return Optional.of(file);
    } catch (IOException e) {
      throw new UncheckedIOException("The packed " + KERNELS + " cannot be unpacked", e);
    }
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
