package io.github.trimtab.engine.cli;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows that all backends return the same bits. */
@Command(
    name = "selfcheck",
    description = {
      "Run fixed inputs through every canonical operation on every backend.",
      "",
      "Prints a line `operation backend sha256` each, the vector backend at 128, 256 and 512 bits,"
          + " and compares the hashes with the list that comes with this version. Exit code 1 where"
          + " one differs. Where CUDA is not available, a line says why."
    })
final class SelfcheckCommand implements Callable<Integer> {
  private static final List<Integer> VECTOR_BITS = List.of(128, 256, 512);
  private static final String LIST = "selfcheck.txt";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--vector-bits",
      hidden = true,
      description = "Check only the vector backend, which this process runs at this width.")
  private int vectorBits;

  private boolean equal = true;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Map<String, String> expected = expected();
    if (vectorBits != 0) {
      vectorInThisProcess().forEach((operation, hash) -> print(operation, "vector", hash));
      return 0;
    }
    Map<Integer, Process> children = new LinkedHashMap<>();
    try {
      for (int bits : VECTOR_BITS) {
        children.put(bits, startChild(bits));
      }
      compare("scalar", Selfcheck.run(Backends.named("scalar").kernels()), expected);
      for (Map.Entry<Integer, Process> child : children.entrySet()) {
        compare("vector" + child.getKey(), finish(child.getValue()), expected);
      }
      cuda(expected);
    } finally {
      children.values().forEach(Process::destroy);
    }
    return equal ? 0 : Failures.OTHER;
  }

  private void cuda(Map<String, String> expected) {
    Backend cuda = Backends.named("cuda");
    if (cuda.isAvailable()) {
      compare("cuda", Selfcheck.run(cuda.hostKernels()), expected);
    } else {
      spec.commandLine()
          .getOut()
          .println(cuda.name() + " not available: " + String.join(" ", cuda.reasons()));
    }
  }

  private void compare(String backend, Map<String, String> hashes, Map<String, String> expected) {
    hashes.forEach((operation, hash) -> print(operation, backend, hash));
    Set<String> operations = new TreeSet<>(expected.keySet());
    operations.addAll(hashes.keySet());
    for (String operation : operations) {
      String actual = hashes.getOrDefault(operation, "no result");
      String wanted = expected.getOrDefault(operation, "no such operation");
      if (!actual.equals(wanted)) {
        equal = false;
        String complaint = operation + " on " + backend + ": " + actual + ", expected " + wanted;
        spec.commandLine().getErr().println("trimtab: " + complaint);
      }
    }
  }

  private void print(String operation, String backend, String hash) {
    spec.commandLine().getOut().println(operation + " " + backend + " " + hash);
    spec.commandLine().getOut().flush();
  }

  private Map<String, String> vectorInThisProcess() {
    Backend vector = Backends.named("vector");
    var kernels = vector.kernels();
    if (vector.lanes() * Integer.SIZE != vectorBits) {
      throw new IllegalStateException(
          "the vector backend runs at " + vector.device() + ", expected " + vectorBits + " bits");
    }
    return Selfcheck.run(kernels);
  }

  /** The vector width is fixed when a JVM starts, so each width needs one of its own. */
  private static Process startChild(int bits) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules",
            "jdk.incubator.vector",
            "-XX:+UseSerialGC", // a short run: no threads for a collector
            "-Dtrimtab.vector.bits=" + bits,
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "selfcheck",
            "--vector-bits",
            Integer.toString(bits))
        .redirectErrorStream(true)
        .start();
  }

  /** A child's hashes by operation; what else it says is passed on if it fails. */
  private Map<String, String> finish(Process child) throws IOException, InterruptedException {
    Map<String, String> hashes = new LinkedHashMap<>();
    List<String> messages = new ArrayList<>();
    try (InputStream output = child.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      for (String line : text.lines().toList()) {
        String[] fields = line.split(" ", -1);
        if (fields.length == 3 && fields[1].equals("vector")) {
          hashes.put(fields[0], fields[2]);
        } else {
          messages.add(line);
        }
      }
    }
    if (child.waitFor() != 0) {
      messages.forEach(spec.commandLine().getErr()::println);
    }
    return hashes;
  }

  /** The committed list: a line `operation sha256` each, the same for every backend. */
  private static Map<String, String> expected() throws IOException {
    try (InputStream list = SelfcheckCommand.class.getResourceAsStream(LIST)) {
      if (list == null) {
        throw new IOException(LIST + ": missing from the class path");
      }
      Map<String, String> expected = new LinkedHashMap<>();
      String text = new String(list.readAllBytes(), StandardCharsets.UTF_8);
      text.lines().map(line -> line.split(" ", 2)).forEach(f -> expected.put(f[0], f[1]));
      return expected;
    }
  }
}
