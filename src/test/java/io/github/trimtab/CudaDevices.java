package io.github.trimtab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The CUDA backend in tests: on a GPU, or on the emulation that {@code native} builds.
 *
 * <p>Without either, tests are skipped and say why, unless somebody meant them to run: then they
 * fail. That is so where {@code trimtab.cuda.library} names a library, or where {@code
 * trimtab.test.require} is {@code cuda}.
 */
public final class CudaDevices {
  private static final String LIBRARY = "trimtab.cuda.library";
  private static final String DRIVER = "trimtab.cuda.driver";

  /** Names the emulation, for where no library is named; Maven sets it. */
  private static final String EMULATION = "trimtab.test.emulation";

  private CudaDevices() {}

  /** The backend, if it can be used here. */
  public static Backend backend() {
    String emulation = System.getProperty(EMULATION);
    boolean named = System.getProperty(LIBRARY) != null;
    if (!named && emulation != null && Files.exists(Path.of(emulation))) {
      System.setProperty(LIBRARY, emulation);
      System.setProperty(DRIVER, emulation);
      named = true;
    }
    Backend cuda = Backends.named("cuda");
    if (named || "cuda".equals(System.getProperty("trimtab.test.require"))) {
      assertThat(cuda.reasons()).isEmpty();
    }
    assumeTrue(cuda.isAvailable(), () -> String.join(" ", cuda.reasons()));
    return cuda;
  }
}
