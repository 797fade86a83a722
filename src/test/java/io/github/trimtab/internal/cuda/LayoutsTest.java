package io.github.trimtab.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.internal.cuda.bindings.trimtab_h;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Structs as Java lays them out against what the C compiler said. */
final class LayoutsTest {
  private static Path baseline() {
    Path here = Path.of("").toAbsolutePath();
    Path root = Files.exists(here.resolve("native")) ? here : here.resolve("..");
    return root.resolve("native/tests/baseline/layout.txt");
  }

  @Test
  void javaAndCAgree() throws IOException {
    String abi = "abi " + trimtab_h.TRIMTAB_ABI() + "\n";
    assertThat(abi + Layouts.describe()).isEqualTo(Files.readString(baseline()));
  }

  @Test
  void theFirstDifferenceIsNamed() {
    String ours = Layouts.describe();
    assertThat(Layouts.difference(ours)).isEmpty();
    assertThat(Layouts.difference(ours.replaceFirst("scale (\\d+) 4", "scale $1 8")))
        .hasValueSatisfying(
            text -> assertThat(text).startsWith("trimtab_scoring: ").contains("scale"));
    assertThat(Layouts.difference(ours + "struct trimtab_more 8\n"))
        .hasValueSatisfying(text -> assertThat(text).contains("trimtab_more"));
    assertThat(Layouts.difference("")).isPresent();
  }
}
