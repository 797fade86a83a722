package io.github.trimtab.internal.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** Where the library's file is: named by a property, in a natives jar, or in the library path. */
final class NativeFiles {
  /** System property that names the file of the library. */
  static final String PROPERTY = "trimtab.cuda.library";

  private static final String NAME = System.mapLibraryName("trimtab");

  private NativeFiles() {}

  /**
   * The file to load; a natives jar's is first written to a folder that only its owner can enter.
   *
   * @throws IOException with a sentence for people, if a named or packed file cannot be had
   */
  static Optional<Path> find() throws IOException {
    String named = System.getProperty(PROPERTY);
    if (named != null) {
      return Optional.of(existing(named));
    }
    Optional<Path> unpacked = unpack();
    return unpacked.isPresent() ? unpacked : inLibraryPath();
  }

  private static Path existing(String named) throws IOException {
    try {
      Path path = Path.of(named).toAbsolutePath();
      if (Files.isRegularFile(path)) {
        return path;
      }
    } catch (InvalidPathException e) {
      throw new IOException(message(named), e);
    }
    throw new IOException(message(named));
  }

  private static String message(String named) {
    return PROPERTY + ": " + named + ", expected the library's file.";
  }

  /** The resource of a natives jar: {@code META-INF/native/linux-x86_64/libtrimtab.so}. */
  static String resource() {
    String system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    String machine = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    String architecture = machine.equals("amd64") ? "x86_64" : machine;
    return "META-INF/native/" + system + "-" + architecture + "/" + NAME;
  }

  private static Optional<Path> unpack() throws IOException {
    ClassLoader loader = NativeFiles.class.getClassLoader();
    try (InputStream packed =
        loader == null
            ? ClassLoader.getSystemResourceAsStream(resource())
            : loader.getResourceAsStream(resource())) {
      if (packed == null) {
        return Optional.empty();
      }
      // A new folder with a name of its own: a file that was there before is never loaded.
      Path folder = Files.createTempDirectory("trimtab");
      Path file = folder.resolve(NAME);
      folder.toFile().deleteOnExit();
      file.toFile().deleteOnExit();
      Files.copy(packed, file);
      return Optional.of(file);
    } catch (IOException e) {
      throw new IOException("The packed " + NAME + " cannot be unpacked: " + e.getMessage(), e);
    }
  }

  private static Optional<Path> inLibraryPath() {
    String separator = System.getProperty("path.separator", ":");
    for (String folder : System.getProperty("java.library.path", "").split(separator, -1)) {
      Path file = Path.of(folder.isEmpty() ? "." : folder, NAME).toAbsolutePath();
      if (Files.isRegularFile(file)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }
}
