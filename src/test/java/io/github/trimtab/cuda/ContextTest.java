package io.github.trimtab.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Errors after which a device is lost are the same to Java and to the native library. */
final class ContextTest {
  private static final Pattern FUNCTION =
      Pattern.compile("bool destroys_context\\(.*?\\n}", Pattern.DOTALL);
  private static final Pattern CASE = Pattern.compile("case (\\d+):");

  @Test
  void javaAndTheNativeLibraryCallTheSameErrorsSticky() throws IOException {
    Path here = Path.of("").toAbsolutePath();
    Path root = Files.exists(here.resolve("native")) ? here : here.resolve("..");
    String source = Files.readString(root.resolve("native/src/device.cpp"));
    String function =
        FUNCTION.matcher(source).results().map(match -> match.group()).findFirst().orElseThrow();
    List<Integer> theirs =
        CASE.matcher(function)
            .results()
            .map(match -> Integer.parseInt(match.group(1)))
            .sorted()
            .toList();
    List<Integer> ours = IntStream.range(0, 1000).filter(Context::isSticky).boxed().toList();
    assertThat(ours).isEqualTo(theirs).contains(220, 700, 719);
  }
}
