package io.github.trimtab.benchmarks;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.ValueLayout;
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

/** Operations on F32 scores and probabilities: one row of {@code size}, or 4 drafts over it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH calls setUp first
public class ScoreGrid {
  private static final int KEPT = 16;
  private static final int DRAFTS = 4;

  @Param({"scalar", "vector"})
  String backend = "";

  @Param({"32", "1024", "32768", "262144"})
  int size;

  private record Operations(Select select, Verify greedy, Verify chain) {}

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
    int count = Math.max(size, KEPT);
    Tensor target = uniform(1, DRAFTS + 1, count);
    Tensor tokens = data.integers(new int[DRAFTS], 1, DRAFTS);
    Tensor emitted = data.zeros(DType.I32, 1, DRAFTS + 1);
    Tensor accepted = data.zeros(DType.I32, 1);
    return new Operations(
        new Select(
            data.random(DType.F32, 1, 1, count),
            null,
            null,
            data.integers(new int[] {KEPT}, 1, 1),
            data.zeros(DType.I32, 1, 1, KEPT)),
        new Verify.Greedy(target, tokens, emitted, accepted),
        new Verify.Chain(
            target,
            uniform(1, DRAFTS, count),
            data.integers(IntStream.range(0, count).toArray(), count),
            tokens,
            data.zeros(DType.F32, 1, DRAFTS),
            data.zeros(DType.F32, 1),
            emitted,
            accepted));
  }

  /** Rows of equal probabilities. */
  private Tensor uniform(long... shape) {
    Tensor tensor = data.zeros(DType.F32, shape);
    long elements = tensor.segment().byteSize() / Float.BYTES;
    for (long i = 0; i < elements; i++) {
      tensor.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, 1f / shape[shape.length - 1]);
    }
    return tensor;
  }

  /** The 16 highest. */
  @Benchmark
  public void select(Work work) {
    kernels.select(ops.select);
    work.bytes += DType.F32.bytes(size);
  }

  /** Drafts that are or are not the highest. */
  @Benchmark
  public void verifyGreedy(Work work) {
    kernels.verify(ops.greedy);
    work.bytes += DType.F32.bytes((long) (DRAFTS + 1) * size);
  }

  /** Drafts that are all accepted, and a draw. */
  @Benchmark
  public void verifyChain(Work work) {
    kernels.verify(ops.chain);
    work.bytes += DType.F32.bytes((long) (2 * DRAFTS + 1) * size);
  }

  /** Frees the buffers. */
  @TearDown
  public void close() {
    data.close();
  }
}
