package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Time against size, on cold data: eviction by cached tokens, a head by rows and by vectors. */
final class SizeStudy {
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 64;
  private static final int WINDOW = 16;
  private static final int KEPT = 512;
  private static final int COLUMNS = 1024;

  /**
   * Until the kernels are compiled a small size would be slower than a large one measured later.
   */
  private static final double WARM_UP_SECONDS = 6;

  private static final int WARM_UP_SIZE = 1 << 14;

  private final Kernels kernels;
  private final int threads;
  private final double seconds;
  private final List<Figure> figures = new ArrayList<>();

  SizeStudy(Kernels kernels, int threads, double seconds) {
    this.kernels = kernels;
    this.threads = threads;
    this.seconds = seconds;
  }

  /** 1k to 1M cached tokens, of which as many stay each time. */
  List<Figure> eviction() {
    warmUp(() -> evict(WARM_UP_SIZE));
    for (int tokens = 1 << 10; tokens <= 1 << 20; tokens *= 4) {
      add(Group.TOKENS, evictName() + ", " + threadsName(), tokens, evict(tokens));
    }
    return figures;
  }

  /** Heads of 1k to 256k rows. */
  List<Figure> rows() {
    for (DType format : List.of(DType.BF16, DType.INT8)) {
      warmUp(() -> head(format, WARM_UP_SIZE, 1));
      String name = headName(format) + ", 1 vector, " + threadsName();
      for (int rows = 1 << 10; rows <= 1 << 18; rows *= 4) {
        add(Group.ROWS, name, rows, head(format, rows, 1));
      }
    }
    return figures;
  }

  /** 1 to 64 vectors. */
  List<Figure> vectors() {
    int rows = 1 << 15;
    for (int vectors = 1; vectors <= Head.MOST_VECTORS; vectors *= 2) {
      int count = vectors;
      warmUp(() -> head(DType.BF16, WARM_UP_SIZE, count));
      String name = headName(DType.BF16) + ", " + rows + " rows";
      add(Group.VECTORS, name, vectors, head(DType.BF16, rows, vectors));
    }
    return figures;
  }

  /** One size each, with as many threads as the process has. */
  List<Figure> threads() {
    int size = 1 << 16;
    warmUp(() -> evict(WARM_UP_SIZE));
    warmUp(() -> head(DType.BF16, WARM_UP_SIZE, 1));
    warmUp(() -> head(DType.BF16, WARM_UP_SIZE, 8));
    add(Group.THREADS, evictName() + ", " + size + " tokens", threads, evict(size));
    add(
        Group.THREADS,
        headName(DType.BF16) + ", 1 vector, " + size + " rows",
        threads,
        head(DType.BF16, size, 1));
    add(
        Group.THREADS,
        headName(DType.BF16) + ", 8 vectors, " + size + " rows",
        threads,
        head(DType.BF16, size, 8));
    return figures;
  }

  private static void warmUp(Runnable measurement) {
    long start = System.nanoTime();
    while ((System.nanoTime() - start) * 1e-9 < WARM_UP_SECONDS) {
      measurement.run();
    }
  }

  private static String evictName() {
    return "evict to " + KEPT + ", BF16, " + HEADS + " heads x " + HEAD_DIM + ", 16 queries";
  }

  private String threadsName() {
    return threads == 1 ? "1 thread" : threads + " threads";
  }

  private static String headName(DType format) {
    return "head, " + format + " rows x " + COLUMNS;
  }

  private void add(Group group, String name, int size, Spread time) {
    figures.add(new Figure(group, name, Integer.toString(size), threads, "ms", time, null));
  }

  private Spread evict(int tokens) {
    try (var data = new Data(kernels)) {
      NewTokens all = data.tokens(DType.BF16, 1, HEADS, tokens, HEAD_DIM);
      var layout = new PageLayout(DType.BF16, PageLayout.DEFAULT_TOKENS, HEADS, HEAD_DIM);
      Tensor q = data.random(DType.F32, 1, HEADS, WINDOW, HEAD_DIM);
      Tensor scores = data.zeros(DType.F32, 1, HEADS, tokens);
      Tensor capacity = data.integers(new int[] {KEPT}, 1, 1);
      Tensor indices = data.zeros(DType.I32, 1, HEADS, KEPT);
      PagedKv target = data.emptyPages(layout, 1, KEPT);
      var scoring = Scoring.official((float) (1 / Math.sqrt(HEAD_DIM)));
      long bytes = DType.BF16.bytes((long) HEADS * tokens * HEAD_DIM);
      List<Evict> operations =
          Data.copies(
              coldSets(bytes),
              () -> {
                PagedKv history = data.pages(DType.BF16, PageLayout.DEFAULT_TOKENS, all);
                var score = new Score(q, null, history, null, null, scoring, scores);
                return new Evict(score, capacity, indices, target);
              });
      return time(operations.size(), set -> kernels.evict(operations.get(set)));
    }
  }

  private Spread head(DType format, int rows, int vectors) {
    try (var data = new Data(kernels)) {
      Tensor source = data.random(DType.BF16, rows, COLUMNS);
      Tensor hidden = data.random(DType.F32, vectors, COLUMNS);
      Tensor logits = data.zeros(DType.F32, vectors, rows);
      List<Head> operations =
          Data.copies(
              coldSets(format.bytes((long) rows * COLUMNS)),
              () -> {
                WeightRows weights = data.weights(format, source);
                return Head.logits(hidden, HeadRows.all(weights), logits);
              });
      return time(operations.size(), set -> kernels.head(operations.get(set)));
    }
  }

  /** A single copy that is larger than any cache is cold by itself. */
  private static int coldSets(long bytes) {
    return (int) Math.ceilDiv(Rounds.COLD_BYTES, bytes);
  }

  /** Milliseconds. */
  private Spread time(int sets, Rounds.Body body) {
    return new Rounds(sets).add("", 1, body).run(seconds).seconds("").times(1e3);
  }

  /** Least squares on logarithms: how time grows with size, 1 where it is proportional. */
  static double exponent(List<Figure> line) {
    double[] x = line.stream().mapToDouble(f -> Math.log(size(f))).toArray();
    double[] y = line.stream().mapToDouble(f -> Math.log(f.value().median())).toArray();
    double meanX = Arrays.stream(x).average().orElseThrow();
    double meanY = Arrays.stream(y).average().orElseThrow();
    double covariance = 0;
    double variance = 0;
    for (int i = 0; i < x.length; i++) {
      covariance += (x[i] - meanX) * (y[i] - meanY);
      variance += (x[i] - meanX) * (x[i] - meanX);
    }
    return covariance / variance;
  }

  /** The number that a study's figure is about. */
  static int size(Figure figure) {
    return Integer.parseInt(figure.shape());
  }
}
