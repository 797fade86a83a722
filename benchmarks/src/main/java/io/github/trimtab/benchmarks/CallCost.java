package io.github.trimtab.benchmarks;

import static java.util.Objects.requireNonNull;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * What a call costs beside its work: 32 tokens of one head, and the bytes that it leaves to the
 * collector.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 5)
@Measurement(iterations = 5)
public class CallCost {
  private static final int HEAD_DIM = 64;
  private static final int TOKENS = 32;
  private static final int KEPT = 16;

  private final Kernels kernels = Backends.bestOnHost().hostKernels();
  private final Data data = new Data(kernels);
  private final NewTokens tokens = data.tokens(DType.F32, 1, 1, TOKENS, HEAD_DIM);
  private final PagedKv pages = data.pages(DType.BF16, 16, tokens);
  private final Tensor query = data.random(DType.F32, 1, 1, 1, HEAD_DIM);
  private final Score score =
      new Score(
          query,
          null,
          pages,
          null,
          null,
          Scoring.official(0.125f),
          data.zeros(DType.F32, 1, 1, TOKENS));
  private final Evict evict =
      new Evict(
          score,
          data.integers(new int[] {KEPT}, 1, 1),
          data.zeros(DType.I32, 1, 1, KEPT),
          data.emptyPages(new PageLayout(DType.BF16, 16, 1, HEAD_DIM), 1, KEPT));
  private final Attend attend = KernelSpeed.attend(data, pages, tokens, 1);

  /** Scores one query against the pages. */
  @Benchmark
  public void score() {
    kernels.score(score);
  }

  /** Keeps half of the tokens. */
  @Benchmark
  public void evict() {
    kernels.evict(evict);
  }

  /** One query over pages and new tokens. */
  @Benchmark
  public void attend() {
    kernels.attend(attend);
  }

  /** Frees the buffers. */
  @TearDown
  public void close() {
    data.close();
  }

  /** Runs all three under JMH with its allocation profiler, in a process of its own. */
  static List<Figure> measure(double seconds) throws RunnerException {
    var time = TimeValue.milliseconds((long) (100 * seconds));
    var options =
        new OptionsBuilder()
            .include(CallCost.class.getName())
            .addProfiler(GCProfiler.class)
            .warmupTime(time)
            .measurementTime(time)
            .verbosity(VerboseMode.SILENT)
            .build();
    List<Figure> figures = new ArrayList<>();
    for (RunResult run : new Runner(options).run()) {
      figures.add(figure(run.getPrimaryResult(), "ns", run));
      var allocated = requireNonNull(run.getSecondaryResults().get("gc.alloc.rate.norm"));
      figures.add(figure(allocated, "bytes", run));
    }
    return figures;
  }

  private static Figure figure(Result<?> result, String unit, RunResult run) {
    var statistics = result.getStatistics();
    var spread =
        new Spread(
            statistics.getPercentile(25),
            statistics.getPercentile(50),
            statistics.getPercentile(75));
    String name = run.getPrimaryResult().getLabel();
    return new Figure(Figure.Group.CALL, name, TOKENS + " tokens", 1, unit, spread, null);
  }
}
