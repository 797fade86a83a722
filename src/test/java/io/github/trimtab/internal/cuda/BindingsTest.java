package io.github.trimtab.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The committed bindings are what jextract makes of the headers today. */
final class BindingsTest {
  @TempDir private Path fresh;

  private static Path root() {
    Path here = Path.of("").toAbsolutePath();
    return Files.exists(here.resolve("bindings")) ? here : here.resolve("..").normalize();
  }

  private static boolean onPath(String program) {
    return Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  @Test
  void bindingsAreThoseOfTheHeaders() throws IOException, InterruptedException {
    Path cuda = Path.of(System.getenv().getOrDefault("CUDA_HOME", "/usr/local/cuda"));
    assumeTrue(onPath("jextract"), "jextract is not on PATH");
    assumeTrue(Files.exists(cuda.resolve("include/cuda.h")), () -> "no cuda.h in " + cuda);
    Process generate =
        new ProcessBuilder(root().resolve("bindings/generate").toString(), fresh.toString())
            .redirectErrorStream(true)
            .start();
    try (InputStream output = generate.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(generate.waitFor()).as(text).isZero();
    }
    assertThat(files(fresh)).isEqualTo(files(root().resolve("bindings/java")));
  }

  private static Map<String, String> files(Path folder) throws IOException {
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.filter(Files::isRegularFile).toList()) {
        files.put(folder.relativize(path).toString(), Files.readString(path));
      }
    }
    return files;
  }
}
