package io.github.trimtab.engine.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the engine's kernels are found, each case in a process with a class path of its own. */
final class LibrariesTest {

  @TempDir private Path folder;

  /** Says whether the kernels were found. */
  static final class Child {
    private Child() {}

    /** Prints one line. */
    public static void main(String[] arguments) {
      try {
        var _ = Libraries.kernels();
        System.out.print("found");
      } catch (RuntimeException e) {
        System.out.print(e.getMessage());
      }
    }
  }

  private String child(String classPath, String... options)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"));
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path") + classPath));
    command.add(Child.class.getName());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor()).as(text).isZero();
      return text;
    }
  }

  /** Any library will do: nothing of it is called. */
  private Path kernels(String under) throws IOException {
    Path file = folder.resolve(under).resolve(System.mapLibraryName("trimtab_engine"));
    Files.createDirectories(file.getParent());
    return Files.copy(
        Path.of(System.getProperty("java.home"), "lib", System.mapLibraryName("jimage")), file);
  }

  @Test
  void inANativesJar() throws IOException, InterruptedException {
    String machine = System.getProperty("os.arch").replace("amd64", "x86_64");
    kernels("META-INF/native/linux-" + machine);
    assertThat(child(":" + folder)).isEqualTo("found");
  }

  @Test
  void besideTheBackendsLibrary() throws IOException, InterruptedException {
    Path file = kernels("beside");
    String named = "-Dtrimtab.cuda.library=" + file.resolveSibling("libtrimtab.so");
    assertThat(child("", named)).isEqualTo("found");
  }

  @Test
  void inTheLibraryPath() throws IOException, InterruptedException {
    Path file = kernels("path");
    assertThat(child("", "-Djava.library.path=/nowhere:" + file.getParent())).isEqualTo("found");
  }

  @Test
  void nowhereIsSaidWithWhatToDo() throws IOException, InterruptedException {
    assertThat(child("", "-Djava.library.path=" + folder))
        .contains("libtrimtab_engine.so", "-Dtrimtab.cuda.library", "natives jar");
  }
}
