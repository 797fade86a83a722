package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.trimtab.Backends;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * What the commands say about CUDA, and that the emulation of a GPU, where {@code native} has built
 * it, returns the committed hashes. In a process of its own, since a library is looked for once.
 */
final class CudaCommandsTest {
  private static final Path EMULATION =
      Path.of("..", "native", "target", "emulation", "libtrimtab_emulation.so").toAbsolutePath();

  /** Prints what `info` says, then a line `operation sha256` each. */
  static final class Child {
    private Child() {}

    /** Runs both on the CUDA backend. */
    public static void main(String[] arguments) {
      PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
      int _ = Main.execute(out, out, "info");
      Selfcheck.run(Backends.named("cuda").hostKernels())
          .forEach((operation, hash) -> out.println(operation + " " + hash));
    }
  }

  private static String child(Path library) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Dtrimtab.cuda.library=" + library,
                "-Dtrimtab.cuda.driver=" + library,
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName())
            .redirectErrorStream(true)
            .start();
    try (InputStream output = process.getInputStream()) {
      return new String(output.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void theEmulationReturnsTheCommittedHashes() throws IOException, InterruptedException {
    assumeTrue(Files.exists(EMULATION), () -> "the emulation was not built: " + EMULATION);
    String output = child(EMULATION);
    Optional<String> info = output.lines().filter(line -> line.startsWith("cuda ")).findFirst();
    assertThat(info).as(output).hasValueSatisfying(line -> assertThat(line).contains("verified"));
    Pattern hash = Pattern.compile("^([a-z]+) ([0-9a-f]{64})$", Pattern.MULTILINE);
    List<String> hashes = hash.matcher(output).results().map(MatchResult::group).toList();
    try (InputStream list =
        Objects.requireNonNull(SelfcheckCommand.class.getResourceAsStream("selfcheck.txt"))) {
      String committed = new String(list.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(hashes).as(output).containsExactlyInAnyOrderElementsOf(committed.lines().toList());
    }
  }
}
