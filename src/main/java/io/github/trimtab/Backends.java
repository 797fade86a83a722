package io.github.trimtab;

import io.github.trimtab.cuda.CudaKernels;
import io.github.trimtab.internal.scalar.ScalarKernels;
import io.github.trimtab.kernel.Kernels;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;

/**
 * The backends of this machine, each probed once.
 *
 * <p>{@link #best} takes the first that works in the order cuda, vector, scalar, and {@link
 * #bestOnHost} the first that runs on host memory. The system property {@value #FORCE_PROPERTY}
 * names one backend instead and then fails hard, so that a test cannot pass on another one.
 */
public final class Backends {
  /** System property that forces one backend: scalar, vector or cuda. */
  public static final String FORCE_PROPERTY = "trimtab.backend";

  private static final List<String> NAMES = List.of("cuda", "vector", "scalar");
  private static final List<String> NAMES_ON_HOST = List.of("vector", "scalar");

  private Backends() {}

  /** Every backend this version knows, in order of preference, whether it works or not. */
  public static List<Backend> all() {
    return NAMES.stream().map(Backends::named).toList();
  }

  /**
   * The backend to use here.
   *
   * @throws BackendUnavailableException if the forced backend does not work
   * @throws IllegalArgumentException if the property names no backend
   */
  public static Backend best() {
    String forced = System.getProperty(FORCE_PROPERTY);
    if (forced != null) {
      Backend backend = named(forced);
      Kernels _ = backend.kernels(); // throws when it does not work
      return backend;
    }
    return firstOf(NAMES);
  }

  /**
   * The backend to use here for host memory: of those that run on it the first that works, or the
   * forced one, wherever it runs; {@link Backend#hostKernels} has its operations.
   *
   * @throws BackendUnavailableException if the forced backend does not work
   * @throws IllegalArgumentException if the property names no backend
   */
  public static Backend bestOnHost() {
    if (System.getProperty(FORCE_PROPERTY) != null) {
      return best();
    }
    return firstOf(NAMES_ON_HOST);
  }

  private static Backend firstOf(List<String> names) {
    return names.stream()
        .map(Backends::named)
        .filter(Backend::isAvailable)
        .findFirst()
        .orElseThrow();
  }

  /**
   * The backend of a name, whether it works or not.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Backend named(String name) {
    return switch (name) {
      case "cuda" -> Cuda.BACKEND;
      case "vector" -> Vector.BACKEND;
      case "scalar" -> Scalar.BACKEND;
      default ->
          throw new IllegalArgumentException("backend: " + name + ", expected one of " + NAMES);
    };
  }

  // Each is probed when first asked for, outside any caller's static initialiser.

  private static final class Cuda {
    static final Backend BACKEND = probe();

    private static Backend probe() {
      try {
        String reason = CudaKernels.reason();
        return reason.isEmpty()
            ? Backend.elsewhere(
                "cuda",
                CudaKernels.device(),
                CudaKernels.LANES,
                CudaKernels.onDevices(),
                CudaKernels.onHostMemory())
            : Backend.missing("cuda", reason);
      } catch (RuntimeException | LinkageError e) {
        return Backend.missing("cuda", "CUDA does not start: " + e.getMessage() + ".");
      }
    }
  }

  private static final class Scalar {
    static final Backend BACKEND = Backend.working("scalar", "plain Java", 1, new ScalarKernels());
  }

  private static final class Vector {
    static final Backend BACKEND = probe();

    private static Backend probe() {
      Module ours = Backends.class.getModule();
      ModuleLayer layer = ours.getLayer() == null ? ModuleLayer.boot() : ours.getLayer();
      var incubator =
          layer
              .findModule("jdk.incubator.vector")
              .or(() -> ModuleLayer.boot().findModule("jdk.incubator.vector"));
      if (incubator.isEmpty()) {
        return Backend.missing(
            "vector",
            "The Vector API is not loaded; start Java with --add-modules jdk.incubator.vector.");
      }
      ours.addReads(incubator.get());
      try {
        var lookup = MethodHandles.lookup();
        Class<?> type = lookup.findClass("io.github.trimtab.internal.vector.VectorKernels");
        Kernels kernels =
            (Kernels) lookup.findConstructor(type, MethodType.methodType(void.class)).invoke();
        int bits = (int) lookup.findStatic(type, "bits", MethodType.methodType(int.class)).invoke();
        return Backend.working("vector", "Vector API, " + bits + " bits", bits / 32, kernels);
      } catch (Throwable e) {
        return Backend.missing(
            "vector", "The Vector API does not work here: " + e.getMessage() + ".");
      }
    }
  }
}
