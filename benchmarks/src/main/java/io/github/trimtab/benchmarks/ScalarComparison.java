package io.github.trimtab.benchmarks;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** Every operation on every page format, vector against scalar, one thread each, on cold data. */
final class ScalarComparison {
  private static final int HEADS = 8;
  private static final int HEAD_DIM = 128;
  private static final int TOKENS = 1024;
  private static final int KEPT = 256;
  private static final int WINDOW = 16;
  private static final int PAGE = PageLayout.DEFAULT_TOKENS;

  /** The first operations meet a JVM that has compiled nothing, and take turns with slow ones. */
  private static final int WARM_UP = 8;

  private final Kernels vector;
  private final Kernels scalar;
  private final double seconds;
  private final List<Figure> figures = new ArrayList<>();

  ScalarComparison(Kernels vector, Kernels scalar, double seconds) {
    this.vector = vector;
    this.scalar = scalar;
    this.seconds = seconds;
  }

  List<Figure> measure() {
    for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8)) {
      append(dtype);
      score("score, raw", dtype, Scoring.official(scale()));
      score("score, softmax", dtype, Scoring.paper(scale()));
      compact(dtype);
      evict(dtype);
      attend(dtype);
    }
    select();
    return figures;
  }

  private static float scale() {
    return (float) (1 / Math.sqrt(HEAD_DIM));
  }

  private void append(DType dtype) {
    try (var data = new Data(vector)) {
      var layout = new PageLayout(dtype, PAGE, HEADS, HEAD_DIM);
      NewTokens fresh = data.tokens(DType.F32, 1, HEADS, TOKENS, HEAD_DIM);
      compare(
          "append",
          dtype,
          layout.pageBytes() * layout.pagesFor(TOKENS),
          () -> new Append(fresh, data.emptyPages(layout, 1, TOKENS)),
          (kernels, operation) -> {
            operation.target().lengths().segment().fill((byte) 0);
            kernels.append(operation);
          });
    }
  }

  private void score(String name, DType dtype, Scoring scoring) {
    try (var data = new Data(vector)) {
      NewTokens fresh = data.tokens(DType.F32, 1, HEADS, TOKENS, HEAD_DIM);
      compare(
          name,
          dtype,
          dtype.bytes((long) HEADS * TOKENS * HEAD_DIM),
          () -> score(data, data.pages(dtype, PAGE, fresh), scoring),
          Kernels::score);
    }
  }

  private static Score score(Data data, PagedKv history, Scoring scoring) {
    int[] window = IntStream.range(0, WINDOW).map(i -> i * TOKENS / WINDOW).toArray();
    return new Score(
        data.random(DType.F32, 1, HEADS, WINDOW, HEAD_DIM),
        null,
        history,
        null,
        data.integers(window, 1, WINDOW),
        scoring,
        data.zeros(DType.F32, 1, HEADS, TOKENS));
  }

  private void compact(DType dtype) {
    try (var data = new Data(vector)) {
      var layout = new PageLayout(dtype, PAGE, HEADS, HEAD_DIM);
      NewTokens fresh = data.tokens(DType.F32, 1, HEADS, TOKENS, HEAD_DIM);
      compare(
          "compact",
          dtype,
          4 * dtype.bytes((long) HEADS * KEPT * HEAD_DIM),
          () ->
              new Compact(
                  data.pages(dtype, PAGE, fresh),
                  null,
                  data.chosen(1, HEADS, KEPT, TOKENS),
                  data.emptyPages(layout, 1, KEPT)),
          Kernels::compact);
    }
  }

  private void evict(DType dtype) {
    try (var data = new Data(vector)) {
      var layout = new PageLayout(dtype, PAGE, HEADS, HEAD_DIM);
      NewTokens fresh = data.tokens(DType.F32, 1, HEADS, TOKENS, HEAD_DIM);
      compare(
          "evict",
          dtype,
          dtype.bytes((long) HEADS * TOKENS * HEAD_DIM),
          () ->
              new Evict(
                  score(data, data.pages(dtype, PAGE, fresh), Scoring.official(scale())),
                  data.integers(new int[] {KEPT}, 1, 1),
                  data.zeros(DType.I32, 1, HEADS, KEPT),
                  data.emptyPages(layout, 1, KEPT)),
          Kernels::evict);
    }
  }

  /** Few queries, since the scalar loop takes a millisecond for each. */
  private void attend(DType dtype) {
    int queries = 16;
    try (var data = new Data(vector)) {
      NewTokens past = data.tokens(DType.F32, 1, HEADS, TOKENS, HEAD_DIM);
      NewTokens fresh = data.tokens(DType.F32, 1, HEADS, queries, HEAD_DIM);
      compare(
          "attend",
          dtype,
          2 * dtype.bytes((long) HEADS * TOKENS * HEAD_DIM),
          () -> KernelSpeed.attend(data, data.pages(dtype, PAGE, past), fresh, queries),
          Kernels::attend);
    }
  }

  private void select() {
    try (var data = new Data(vector)) {
      Tensor capacity = data.integers(new int[] {KEPT}, 1, 1);
      compare(
          "select",
          DType.F32,
          DType.F32.bytes((long) HEADS * 8 * TOKENS),
          () ->
              new Select(
                  data.random(DType.F32, 1, HEADS, 8 * TOKENS),
                  null,
                  null,
                  capacity,
                  data.zeros(DType.I32, 1, HEADS, KEPT)),
          Kernels::select);
    }
  }

  private <O> void compare(
      String name, DType dtype, long bytes, Supplier<O> one, BiConsumer<Kernels, O> call) {
    int sets = Rounds.setsFor(bytes);
    List<O> operations = Data.copies(sets, one);
    Rounds rounds = new Rounds(sets);
    rounds.add("vector", 1, set -> call.accept(vector, operations.get(set)));
    rounds.add("scalar", 1, set -> call.accept(scalar, operations.get(set)));
    rounds.run(WARM_UP * seconds, seconds);
    figures.add(
        new Figure(
            Figure.Group.SCALAR,
            name,
            dtype.name(),
            1,
            "us",
            rounds.seconds("vector").times(1e6),
            new Figure.Peer(
                "scalar", rounds.seconds("scalar").times(1e6), rounds.ratio("vector", "scalar"))));
  }
}
