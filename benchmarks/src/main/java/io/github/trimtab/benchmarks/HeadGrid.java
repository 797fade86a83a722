package io.github.trimtab.benchmarks;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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

/** Heads of 1024 columns, and what makes them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH calls setUp first
public class HeadGrid {
  private static final int COLUMNS = 1024;
  private static final int TOP = 10;
  private static final int VECTORS = 8;

  @Param({"scalar", "vector"})
  String backend = "";

  @Param({"F32", "F16", "BF16", "FP8_E4M3", "INT8", "INT4"})
  DType format = DType.F32;

  @Param({"32", "1024", "32768", "262144"})
  int rows;

  private record Operations(Head one, Head many, Quantize quantize, Pack pack) {}

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
    int count = Math.max(rows, TOP);
    Tensor source = data.random(DType.BF16, count, COLUMNS);
    WeightRows weights = data.weights(format, source);
    Tensor even = data.integers(IntStream.range(0, count / 2).map(i -> 2 * i).toArray(), count / 2);
    Tensor half = data.random(DType.BF16, count / 2, COLUMNS);
    // What is quantised takes the format it is made for; plain formats are packed only.
    DType made = format.isFloat() ? DType.INT8 : format;
    return new Operations(
        head(weights, 1),
        head(weights, VECTORS),
        new Quantize(source, data.weights(made, source)),
        new Pack(weights, even, data.weights(format, half)));
  }

  private Head head(WeightRows weights, int vectors) {
    return Head.top(
        data.random(DType.F32, vectors, COLUMNS),
        HeadRows.all(weights),
        data.zeros(DType.I32, vectors, TOP),
        data.zeros(DType.F32, vectors, TOP),
        data.zeros(DType.F32, vectors));
  }

  private long rowBytes() {
    return format.bytes((long) rows * COLUMNS);
  }

  /** The ten highest logits and their log-sum-exp, one vector. */
  @Benchmark
  public void head(Work work) {
    kernels.head(ops.one);
    work.bytes += rowBytes();
    work.flops += 2L * rows * COLUMNS;
  }

  /** The same of 8 vectors. */
  @Benchmark
  public void headOfEight(Work work) {
    kernels.head(ops.many);
    work.bytes += rowBytes();
    work.flops += 2L * VECTORS * rows * COLUMNS;
  }

  /** From BF16; under a plain format to INT8. */
  @Benchmark
  public void quantize(Work work) {
    kernels.quantize(ops.quantize);
    work.bytes += DType.BF16.bytes((long) rows * COLUMNS) + ops.quantize.rows().bytes();
  }

  /** Every second row. */
  @Benchmark
  public void pack(Work work) {
    kernels.pack(ops.pack);
    work.bytes += rowBytes();
  }

  /** Frees the buffers. */
  @TearDown
  public void close() {
    data.close();
  }
}
