package io.github.trimtab.internal.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.trimtab.internal.cuda.bindings.trimtab_h;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Why the library cannot be used, as a program is told: each case in a process of its own, since
 * loading happens once.
 */
final class NativeLibraryTest {
  @TempDir private Path folder;

  /** What the process prints. */
  static final class Reason {
    private Reason() {}

    /** Prints the reason alone. */
    public static void main(String[] arguments) {
      System.out.print(NativeLibrary.get().reason());
    }
  }

  private static String reason(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xshare:auto", "-XX:TieredStopAtLevel=1"));
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Reason.class.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(text).isZero();
      return text;
    }
  }

  @Test
  void withoutALibraryNothingIsLoadedAndTheReasonSaysWhatToDo()
      throws IOException, InterruptedException {
    // Native access is denied, which a restricted call would answer with an exception.
    assertThat(reason("--illegal-native-access=deny", "-Djava.library.path=" + folder))
        .startsWith("The CUDA library was not found:")
        .contains("-Dtrimtab.cuda.library")
        .doesNotContain("Exception");
  }

  /** Builds a shared library from C. */
  private Path library(String name, String source) throws IOException, InterruptedException {
    Path file = folder.resolve(name);
    Path c = Files.writeString(folder.resolve(name + ".c"), source);
    Process compiler =
        new ProcessBuilder("cc", "-shared", "-o", file.toString(), c.toString())
            .redirectErrorStream(true)
            .start();
    try (InputStream output = compiler.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(compiler.waitFor()).as(text).isZero();
    }
    return file;
  }

  @Test
  void librariesOfAnotherAbiOrNoneOfOursAreRefusedBeforeAnythingRuns()
      throws IOException, InterruptedException {
    assumeTrue(
        Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1))
            .anyMatch(path -> Files.isExecutable(Path.of(path, "cc"))),
        "there is no C compiler on PATH");
    Path newer = library("newer.so", "int trimtab_abi_version(void) { return 99; }");
    assertThat(reason("--enable-native-access=ALL-UNNAMED", "-Dtrimtab.cuda.library=" + newer))
        .isEqualTo(
            newer
                + " has ABI 99, expected "
                + trimtab_h.TRIMTAB_ABI()
                + ": use jar and library of one version.");
    Path other = library("other.so", "int other(void) { return 0; }");
    assertThat(reason("--enable-native-access=ALL-UNNAMED", "-Dtrimtab.cuda.library=" + other))
        .isEqualTo(other + " is no library of Trimtab: it has no trimtab_abi_version.");
  }

  @Test
  void aNamedFileMustExistAndBeALibrary() throws IOException, InterruptedException {
    Path missing = folder.resolve("none.so");
    assertThat(reason("-Dtrimtab.cuda.library=" + missing))
        .isEqualTo("trimtab.cuda.library: " + missing + ", expected the library's file.");
    Path text = Files.writeString(folder.resolve("libtrimtab.so"), "no library");
    assertThat(reason("--enable-native-access=ALL-UNNAMED", "-Dtrimtab.cuda.library=" + text))
        .contains(text.toString())
        .contains("file too short")
        .doesNotContain("Exception");
    assertThat(reason("--illegal-native-access=deny", "-Djava.library.path=" + folder))
        .contains("--enable-native-access")
        .doesNotContain("Exception:");
  }
}
