package io.github.trimtab.benchmarks;

import static java.util.Objects.requireNonNull;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Every operation under JMH, by backend, element format and size: the whole grid with rates as
 * shares of the machine's ceilings, or the smallest size of all operations, where a call is mostly
 * overhead.
 */
public final class Grid {
  private static final String ALLOCATED = "gc.alloc.rate.norm";
  private static final String BENCHMARKS = "(Cache|Head|Score)Grid";
  private static final double CEILING_SECONDS = 2;

  private Grid() {}

  /**
   * Prints a line a benchmark. With one thread, as JMH's harness runs it.
   *
   * @param args JMH's options; without a benchmark's name, all of the grid
   */
  public static void main(String[] args) throws RunnerException, CommandLineOptionException {
    var given = new CommandLineOptions(args);
    var options = new OptionsBuilder().parent(given).jvmArgsAppend("-Dtrimtab.threads=1");
    if (given.getIncludes().isEmpty()) {
      options.include(BENCHMARKS);
    }
    Collection<RunResult> runs = new Runner(options.build()).run();
    double read;
    double fma;
    try (var workers = new Workers(1);
        var data = new Data(Backends.bestOnHost().hostKernels())) {
      var ceilings = new Ceilings(workers, Optional.empty());
      var memory = data.zeros(DType.F32, Rounds.COLD_BYTES / 4);
      Rounds rounds = new Rounds(1);
      ceilings.addRead(rounds, Rounds.COLD_BYTES, set -> memory.segment());
      ceilings.addFma(rounds, 1_000_000_000L);
      rounds.run(CEILING_SECONDS);
      read = rounds.rate(Ceilings.JAVA_READ).median() * 1e-9;
      fma = rounds.rate(Ceilings.JAVA_FMA).median() * 1e-9;
    }
    System.out.printf(
        Locale.ROOT,
        "%nOne thread; memory read %.1f GB/s, multiply-adds %.1f GFLOP/s. Small data lies in the"
            + " caches, so its share of memory may exceed 1.%n%n",
        read,
        fma);
    runs.forEach(run -> System.out.println(line(run, read, fma)));
  }

  private static String line(RunResult run, double read, double fma) {
    double bytes = score(run.getSecondaryResults().get("bytes"));
    double flops = score(run.getSecondaryResults().get("flops"));
    return String.format(
        Locale.ROOT,
        "%-48s %12.0f ns %8.2f GB/s %5.2f %9s",
        name(run),
        1 / run.getPrimaryResult().getScore(),
        bytes,
        bytes / read,
        flops == 0 ? "" : String.format(Locale.ROOT, "%8.2f GFLOP/s %5.2f", flops, flops / fma));
  }

  private static double score(@Nullable Result<?> result) {
    return result == null ? 0 : result.getScore();
  }

  private static String name(RunResult run) {
    var params = run.getParams();
    return run.getPrimaryResult().getLabel()
        + params.getParamsKeys().stream()
            .map(key -> ", " + params.getParam(key))
            .collect(Collectors.joining());
  }

  /** Time and allocation of the vector backend on the smallest data, in a process of its own. */
  static List<Figure> smallest(double seconds) throws RunnerException {
    var time = TimeValue.milliseconds((long) (100 * seconds));
    var options =
        new OptionsBuilder()
            .include(BENCHMARKS)
            .param("backend", "vector")
            .param("dtype", "BF16")
            .param("format", "BF16")
            .param("tokens", "32")
            .param("rows", "32")
            .param("size", "32")
            .addProfiler(GCProfiler.class)
            .warmupIterations(20)
            .warmupTime(time)
            .measurementIterations(5)
            .measurementTime(time)
            .verbosity(VerboseMode.SILENT)
            .build();
    List<Figure> figures = new ArrayList<>();
    for (RunResult run : new Runner(options).run()) {
      var statistics = run.getPrimaryResult().getStatistics();
      // Calls a nanosecond: the quartiles change places.
      figures.add(
          figure(
              run,
              "ns",
              new Spread(
                  1 / statistics.getPercentile(75),
                  1 / statistics.getPercentile(50),
                  1 / statistics.getPercentile(25))));
      var allocated = requireNonNull(run.getSecondaryResults().get(ALLOCATED)).getStatistics();
      figures.add(
          figure(
              run,
              "bytes",
              new Spread(
                  allocated.getPercentile(25),
                  allocated.getPercentile(50),
                  allocated.getPercentile(75))));
    }
    return figures;
  }

  private static Figure figure(RunResult run, String unit, Spread spread) {
    String name = run.getPrimaryResult().getLabel();
    return new Figure(Figure.Group.CALL, name, "32 tokens or rows", 1, unit, spread, null);
  }
}
