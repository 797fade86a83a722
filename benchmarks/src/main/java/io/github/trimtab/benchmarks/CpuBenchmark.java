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
 * One process's part of {@code benchmarks/run cpu}: the thread count is fixed for a process, so
 * there is one for each, and all add to one file.
 */
public final class CpuBenchmark {
  private CpuBenchmark() {}

  /**
   * Measures with as many threads as the system property {@code trimtab.threads} says.
   *
   * @param args the results file, made anew by the run with one thread; then seconds a measurement
   */
  public static void main(String[] args) throws IOException, RunnerException {
    Path file = Path.of(args[0]);
    double seconds = Double.parseDouble(args[1]);
    int threads = Integer.getInteger("trimtab.threads", 1);
    String library = System.getProperty("trimtab.peers", "");
    Optional<CppPeers> cpp =
        library.isEmpty() ? Optional.empty() : Optional.of(new CppPeers(Path.of(library)));
    Backend vector = Backends.named("vector");

    List<Figure> figures = new ArrayList<>();
    try (var workers = new Workers(threads)) {
      figures.addAll(new KernelSpeed(vector.kernels(), workers, cpp, seconds).measure());
      figures.addAll(new HeadSpeed(vector.kernels(), workers, cpp, seconds).measure());
    }
    if (threads == 1) {
      var scalar = Backends.named("scalar").kernels();
      figures.addAll(new ScalarComparison(vector.kernels(), scalar, seconds / 4).measure());
      figures.addAll(CallCost.measure(seconds));
    }

    Results results = threads == 1 ? empty(vector, cpp.isPresent()) : Results.read(file);
    results.with(figures).write(file);
  }

  private static Results empty(Backend vector, boolean cpp) throws IOException {
    List<String> absent =
        cpp ? List.of() : List.of("C++ loops and nth_element: no C++ compiler found.");
    return new Results(
        Machine.here(vector.device(), System.getProperty("trimtab.compiler", "none")),
        System.getProperty("trimtab.commit", "unknown"),
        LocalDate.now(ZoneOffset.UTC).toString(),
        absent,
        List.of());
  }
}
