package io.github.trimtab.benchmarks;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Every operation on pages, of one row of 4 heads x 64, 16 queries. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH calls setUp first
public class CacheGrid {
  private static final int HEADS = 4;
  private static final int HEAD_DIM = 64;
  private static final int QUERIES = 16;
  private static final int KEPT = 16;
  private static final int PAGE = 16;
  private static final float SCALE = 0.125f;

  @Param({"scalar", "vector"})
  String backend = "";

  @Param({"F32", "F16", "BF16", "FP8_E4M3", "INT8"})
  DType dtype = DType.F32;

  @Param({"32", "1024", "32768", "262144"})
  int tokens;

  private record Operations(
      Append append,
      Score raw,
      Score softmax,
      Compact compact,
      Evict evict,
      Attend attend,
      ColumnSums columnSums,
      Selectivity selectivity) {}

  private Kernels kernels;
  private Data data;
  private Operations ops;

  /** Makes the operations. */
  @Setup
  public void setUp() {
    kernels = Backends.named(backend).hostKernels();
    data = new Data(kernels);
    ops = operations();
  }

  private Operations operations() {
    NewTokens past = data.tokens(DType.BF16, 1, HEADS, Math.max(tokens, KEPT), HEAD_DIM);
    PagedKv pages = data.pages(dtype, PAGE, past);
    NewTokens fresh = data.tokens(DType.BF16, 1, HEADS, QUERIES, HEAD_DIM);
    var layout = new PageLayout(dtype, PAGE, HEADS, HEAD_DIM);
    int count = past.capacity();
    Tensor q = data.random(DType.F32, 1, HEADS, QUERIES, HEAD_DIM);
    Tensor scores = data.zeros(DType.F32, 1, HEADS, count);
    Score raw = new Score(q, null, pages, null, null, Scoring.official(SCALE), scores);
    return new Operations(
        new Append(past, data.emptyPages(layout, 1, count)),
        raw,
        new Score(q, null, pages, null, null, Scoring.paper(SCALE), scores),
        new Compact(
            pages, null, data.chosen(1, HEADS, KEPT, count), data.emptyPages(layout, 1, KEPT)),
        new Evict(
            raw,
            data.integers(new int[] {KEPT}, 1, 1),
            data.zeros(DType.I32, 1, HEADS, KEPT),
            data.emptyPages(layout, 1, KEPT)),
        KernelSpeed.attend(data, pages, fresh, QUERIES),
        new ColumnSums(q, null, pages, null, Mask.NONE, SCALE, scores),
        new Selectivity(q, null, pages, fresh, KEPT, SCALE, data.zeros(DType.F32, 3)));
  }

  private long keyBytes() {
    return dtype.bytes((long) HEADS * tokens * HEAD_DIM);
  }

  private long productFlops() {
    return 2L * HEADS * QUERIES * tokens * HEAD_DIM;
  }

  /** Keys and values of BF16 to pages. */
  @Benchmark
  public void append(Work work) {
    ops.append.target().lengths().segment().fill((byte) 0);
    kernels.append(ops.append);
    work.bytes += 2 * (keyBytes() + DType.BF16.bytes((long) HEADS * tokens * HEAD_DIM));
  }

  /** Sums of raw logits. */
  @Benchmark
  public void scoreRaw(Work work) {
    kernels.score(ops.raw);
    work.bytes += keyBytes();
  }

  /** Sums of softmax weights. */
  @Benchmark
  public void scoreSoftmax(Work work) {
    kernels.score(ops.softmax);
    work.bytes += keyBytes();
    work.flops += productFlops();
  }

  /** 16 tokens a head into fresh pages. */
  @Benchmark
  public void compact(Work work) {
    kernels.compact(ops.compact);
    work.bytes += 4 * dtype.bytes((long) HEADS * KEPT * HEAD_DIM);
  }

  /** Scores, selects and keeps 16. */
  @Benchmark
  public void evict(Work work) {
    kernels.evict(ops.evict);
    work.bytes += keyBytes();
  }

  /** Over pages and 16 new tokens. */
  @Benchmark
  public void attend(Work work) {
    kernels.attend(ops.attend);
    work.bytes += 2 * keyBytes();
    work.flops += 2 * productFlops();
  }

  /** Softmax weights of all queries. */
  @Benchmark
  public void columnSums(Work work) {
    kernels.columnSums(ops.columnSums);
    work.bytes += keyBytes();
    work.flops += productFlops();
  }

  /** Shares of the current map and of the most attended history. */
  @Benchmark
  public void selectivity(Work work) {
    kernels.selectivity(ops.selectivity);
    work.bytes += keyBytes();
    work.flops += productFlops();
  }

  /** Frees the buffers. */
  @TearDown
  public void close() {
    data.close();
  }
}
