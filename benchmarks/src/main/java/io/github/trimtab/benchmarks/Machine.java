package io.github.trimtab.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The machine and the software that a run was made with.
 *
 * @param cpu model as the operating system names it; of a run on a GPU, that
 * @param cores that Java may use; of a GPU, its multiprocessors
 * @param system operating system and its version
 * @param jdk version of the virtual machine, empty where none took part
 * @param backend the vector backend and its width
 * @param compiler of the C++ peers, "none" without one, empty where there are no such peers
 */
public record Machine(
    String cpu, int cores, String system, String jdk, String backend, String compiler) {
  static Machine here(String backend, String compiler) throws IOException {
    return new Machine(
        cpuModel(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name") + " " + systemVersion(),
        System.getProperty("java.vendor.version", "") + " " + Runtime.version(),
        backend,
        compiler);
  }

  /** Without what a distribution or a host appends to it. */
  private static String systemVersion() {
    return System.getProperty("os.version").replaceFirst("-.*", "");
  }

  /** What it ran with, as far as it is known. */
  String software() {
    return Stream.of(
            system,
            jdk.isEmpty() ? "" : "JDK " + jdk,
            backend,
            compiler.isEmpty() ? "" : "C++ peers by " + compiler)
        .filter(part -> !part.isEmpty())
        .collect(Collectors.joining("; "));
  }

  /** A file name's part. */
  String slug() {
    String plain = (cpu + " " + cores + " cores").toLowerCase(Locale.ROOT);
    return plain.replaceAll("[^a-z0-9]+", "-");
  }

  private static String cpuModel() throws IOException {
    Path cpuinfo = Path.of("/proc/cpuinfo");
    if (Files.isReadable(cpuinfo)) {
      String text = Files.readString(cpuinfo);
      String name = field(text, "model name");
      if (!name.isEmpty()) {
        return name
            + " (family "
            + field(text, "cpu family")
            + ", model "
            + field(text, "model")
            + ")";
      }
    }
    return System.getProperty("os.arch", "unknown");
  }

  /** Of a file of lines like "name : value", one value; empty if it has none. */
  static String field(String text, String name) {
    return text.lines()
        .filter(line -> line.substring(0, Math.max(line.indexOf(':'), 0)).strip().equals(name))
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .findFirst()
        .orElse("");
  }
}
