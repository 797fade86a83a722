package io.github.trimtab.internal.cuda;

import io.github.trimtab.internal.cuda.bindings.cuda_h;
import io.github.trimtab.internal.cuda.bindings.trimtab_device;
import io.github.trimtab.internal.cuda.bindings.trimtab_error;
import io.github.trimtab.internal.cuda.bindings.trimtab_h;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The CUDA backend's library and NVIDIA's driver, loaded and checked once, or the reason why they
 * cannot be used. Nothing is loaded where no library is found, so that a program without a GPU sees
 * no warning about native access.
 *
 * @param devices what the library can run on, by ordinal; none if there is a reason
 * @param reason a sentence for people, empty if all works
 */
public record NativeLibrary(List<DeviceInfo> devices, String reason) {
  /** System property that names the file of NVIDIA's driver, where it is not found by name. */
  static final String DRIVER_PROPERTY = "trimtab.cuda.driver";

  private static final String DRIVER = "libcuda.so.1";

  /**
   * A device.
   *
   * @param name as its maker says
   * @param major of its compute capability
   * @param minor of its compute capability
   * @param memoryBytes in all
   * @param fault why the library cannot use it, empty if it can
   */
  public record DeviceInfo(String name, int major, int minor, long memoryBytes, String fault) {}

  private static final class Loaded {
    static final NativeLibrary LIBRARY = load();
  }

  /** The outcome of loading, on first use. */
  public static NativeLibrary get() {
    return Loaded.LIBRARY;
  }

  /** What the library says about its version and architectures. */
  public static String build() {
    return trimtab_h.trimtab_build().getString(0);
  }

  /** The text of an error that a call filled in. */
  public static String text(MemorySegment error) {
    return trimtab_error.text(error).getString(0);
  }

  /** Zeroed memory for a call to say what went wrong. */
  public static MemorySegment newError(Arena arena) {
    MemorySegment error = trimtab_error.allocate(arena);
    trimtab_error.struct_size(error, (int) trimtab_error.sizeof());
    return error;
  }

  private static NativeLibrary load() {
    try {
      Optional<Path> file = NativeFiles.find();
      if (file.isEmpty()) {
        return missing(
            "The CUDA library was not found: add the jar trimtab-native of this platform, name the"
                + " file by -D"
                + NativeFiles.PROPERTY
                + ", or put its folder into -Djava.library.path.");
      }
      System.load(file.get().toString());
      String mismatch = mismatch(file.get());
      if (!mismatch.isEmpty()) {
        return missing(mismatch);
      }
      System.load(driver());
      int status = cuda_h.cuInit(0);
      // The library's own sentence about devices is better than a number.
      NativeLibrary library = probe();
      return status == 0 || !library.reason.isEmpty()
          ? library
          : missing("NVIDIA's driver does not start: cuInit returned " + status + ".");
    } catch (IOException e) {
      return missing(String.valueOf(e.getMessage()));
    } catch (IllegalCallerException _) {
      return missing(
          "Native access is denied: start Java with --enable-native-access=io.github.trimtab, or"
              + " with ALL-UNNAMED on the class path.");
    } catch (LinkageError | RuntimeException e) {
      // The dynamic linker's own words, or a function that a driver lacks.
      Throwable cause =
          e instanceof ExceptionInInitializerError && e.getCause() != null ? e.getCause() : e;
      return missing("The CUDA library or driver cannot be loaded: " + cause.getMessage() + ".");
    }
  }

  private static NativeLibrary missing(String reason) {
    return new NativeLibrary(List.of(), reason);
  }

  /** How a loaded library differs from what Java expects; empty if it does not. */
  private static String mismatch(Path file) {
    if (SymbolLookup.loaderLookup().find("trimtab_abi_version").isEmpty()) {
      return file + " is no library of Trimtab: it has no trimtab_abi_version.";
    }
    int version = trimtab_h.trimtab_abi_version();
    if (version != trimtab_h.TRIMTAB_ABI()) {
      return file
          + " has ABI "
          + version
          + ", expected "
          + trimtab_h.TRIMTAB_ABI()
          + ": use jar and library of one version.";
    }
    try (Arena arena = Arena.ofConfined()) {
      long bytes = trimtab_h.trimtab_layout(MemorySegment.NULL, 0);
      MemorySegment text = arena.allocate(bytes);
      long _ = trimtab_h.trimtab_layout(text, bytes);
      return Layouts.difference(text.getString(0))
          .map(line -> file + " lays out its structs differently: " + line + ".")
          .orElse("");
    }
  }

  /**
   * The driver's file. Bindings find functions only in libraries that were loaded by path, and the
   * driver is found by name: so it is opened by name first and then looked up among the files that
   * this process has mapped.
   */
  private static String driver() throws IOException {
    String named = System.getProperty(DRIVER_PROPERTY);
    if (named != null) {
      return Path.of(named).toAbsolutePath().toString();
    }
    long address;
    try {
      address = SymbolLookup.libraryLookup(DRIVER, Arena.global()).findOrThrow("cuInit").address();
    } catch (IllegalArgumentException e) {
      throw new IOException(
          "There is no NVIDIA driver: "
              + DRIVER
              + " cannot be opened; install the driver, or name the file by -D"
              + DRIVER_PROPERTY
              + ".",
          e);
    }
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      // start-end permissions offset device inode path
      String[] fields = line.split(" +", 6);
      String[] range = fields[0].split("-", 2);
      if (fields.length == 6
          && Long.parseUnsignedLong(range[0], 16) <= address
          && address < Long.parseUnsignedLong(range[1], 16)) {
        return fields[5];
      }
    }
    throw new IOException("The file of " + DRIVER + " is not among those that are mapped.");
  }

  private static NativeLibrary probe() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = newError(arena);
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      if (trimtab_h.trimtab_device_count(count, error) != trimtab_h.TRIMTAB_SUCCESS()) {
        return missing(sentence(text(error)));
      }
      MemorySegment info = trimtab_device.allocate(arena);
      trimtab_device.struct_size(info, (int) trimtab_device.sizeof());
      List<DeviceInfo> devices = new ArrayList<>();
      boolean usable = false;
      for (int device = 0; device < count.get(ValueLayout.JAVA_INT, 0); device++) {
        int status = trimtab_h.trimtab_device_info(device, info, error);
        String fault = status == trimtab_h.TRIMTAB_SUCCESS() ? "" : sentence(text(error));
        usable |= fault.isEmpty();
        devices.add(
            new DeviceInfo(
                trimtab_device.name(info).getString(0),
                trimtab_device.major(info),
                trimtab_device.minor(info),
                trimtab_device.memory_bytes(info),
                fault));
      }
      return usable
          ? new NativeLibrary(List.copyOf(devices), "")
          : missing(devices.stream().map(DeviceInfo::fault).findFirst().orElse("No CUDA device."));
    }
  }

  private static String sentence(String text) {
    return text.endsWith(".") ? text : text + ".";
  }
}
