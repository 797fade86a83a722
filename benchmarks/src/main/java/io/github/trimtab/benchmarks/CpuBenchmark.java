package io.github.trimtab.benchmarks;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.openjdk.jmh.runner.RunnerException;

/**
 * One part of {@code benchmarks/run}, in a process of its own: the thread count is fixed for a
 * process, and what was compiled for one kernel does not meet another.
 */
public final class CpuBenchmark {
  private CpuBenchmark() {}

  /**
   * Measures with as many threads as the system property {@code trimtab.threads} says.
   *
   * @param args the part, the file to write, seconds a measurement
   */
  public static void main(String[] args) throws IOException, RunnerException {
    double seconds = Double.parseDouble(args[2]);
    int threads = Integer.getInteger("trimtab.threads", 1);
    String library = System.getProperty("trimtab.peers", "");
    Optional<CppPeers> cpp =
        library.isEmpty() ? Optional.empty() : Optional.of(new CppPeers(Path.of(library)));
    Backend vector = Backends.named("vector");
    List<String> absent = new ArrayList<>();
    if (cpp.isEmpty()) {
      absent.add("C++ loops and nth_element: no C++ compiler found.");
    }
    try (var workers = new Workers(threads)) {
      var kernels = new KernelSpeed(vector.kernels(), workers, cpp, seconds);
      List<Figure> figures =
          switch (args[0]) {
            case "score" -> kernels.score();
            case "compact" -> kernels.compact();
            case "attend" -> kernels.attend();
            case "select" -> kernels.select();
            case "head" -> new HeadSpeed(vector.kernels(), workers, cpp, seconds).measure();
            case "peers" -> {
              try (var peers = new PeerSpeed(vector.kernels(), workers, seconds)) {
                absent.addAll(peers.absent());
                yield peers.measure();
              }
            }
            case "count" -> new CountSpeed(threads).files(seconds);
            case "stream" -> new CountSpeed(threads).stream();
            case "scalar" -> {
              var scalar = Backends.named("scalar").kernels();
              yield new ScalarComparison(vector.kernels(), scalar, seconds / 4).measure();
            }
            case "eviction" -> new SizeStudy(vector.kernels(), threads, seconds).eviction();
            case "rows" -> new SizeStudy(vector.kernels(), threads, seconds).rows();
            case "vectors" -> new SizeStudy(vector.kernels(), threads, seconds).vectors();
            case "threads" -> new SizeStudy(vector.kernels(), threads, seconds).threads();
            case "draft" -> new DraftStudy(vector.kernels(), workers, cpp, seconds / 2).measure();
            case "calls" -> Grid.smallest(seconds);
            default -> throw new IllegalArgumentException("part: " + args[0]);
          };
      results(vector, absent, figures).write(Path.of(args[1]));
    }
  }

  private static Results results(Backend vector, List<String> absent, List<Figure> figures)
      throws IOException {
    return new Results(
        Machine.here(vector.device(), System.getProperty("trimtab.compiler", "none")),
        System.getProperty("trimtab.commit", "unknown"),
        LocalDate.now(ZoneOffset.UTC).toString(),
        absent,
        figures);
  }
}
