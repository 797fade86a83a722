package io.github.trimtab.engine.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.trimtab.Backends;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The GPU of the tests, or the emulation that {@code native} builds.
 *
 * <p>Without either, tests are skipped and say why, unless somebody meant them to run: then they
 * fail. That is so where {@code trimtab.cuda.library} names a library, or where {@code
 * trimtab.test.require} is {@code cuda}.
 */
public final class Gpus {

  private static final String LIBRARY = "trimtab.cuda.library";

  /** Everything that the engine loads, which the emulation holds in one file. */
  private static final List<String> FILES =
      List.of(
          LIBRARY, "trimtab.cuda.driver", Libraries.KERNELS_PROPERTY, Libraries.CUBLAS_PROPERTY);

  private Gpus() {}

  /** Opens it, if there is one. */
  public static Gpu open() {
    require();
    return Gpu.open();
  }

  /** Skips or fails the test where there is none. */
  public static void require() {
    String emulation = System.getProperty("trimtab.test.emulation");
    boolean named = System.getProperty(LIBRARY) != null;
    if (!named && emulation != null && Files.exists(Path.of(emulation))) {
      FILES.forEach(property -> System.setProperty(property, emulation));
      named = true;
    }
    var cuda = Backends.named("cuda");
    if (named || "cuda".equals(System.getProperty("trimtab.test.require"))) {
      assertThat(cuda.reasons()).isEmpty();
    }
    assumeTrue(cuda.isAvailable(), () -> String.join(" ", cuda.reasons()));
  }
}
