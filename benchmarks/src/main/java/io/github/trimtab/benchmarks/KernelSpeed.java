package io.github.trimtab.benchmarks;

import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The kernels on large, cold data against the machine's ceilings and C++. */
final class KernelSpeed {
  private static final double GIGA = 1e9;
  private static final double MICRO = 1e-6;
  private static final int WINDOW = 16;

  private final Kernels kernels;
  private final Workers workers;
  private final Ceilings ceilings;
  private final Optional<CppPeers> cpp;
  private final double seconds;
  private final List<Figure> figures = new ArrayList<>();

  KernelSpeed(Kernels kernels, Workers workers, Optional<CppPeers> cpp, double seconds) {
    this.kernels = kernels;
    this.workers = workers;
    this.ceilings = new Ceilings(workers, cpp);
    this.cpp = cpp;
    this.seconds = seconds;
  }

  List<Figure> score() {
    score(16, 10521, 128);
    return figures;
  }

  List<Figure> compact() {
    compact(16, 2954, 650, 128);
    return figures;
  }

  List<Figure> attend() {
    attendLargeHeads();
    attendAsEngine();
    return figures;
  }

  List<Figure> select() {
    select(32, 10521, 1000);
    return figures;
  }

  /** One pass over the keys: at best as fast as memory can be read. */
  private void score(int heads, int tokens, int headDim) {
    long bytes = DType.BF16.bytes((long) heads * tokens * headDim);
    int sets = Rounds.setsFor(bytes);
    try (var data = new Data(kernels)) {
      Tensor q = data.random(DType.F32, 1, heads, WINDOW, headDim);
      Tensor window =
          data.integers(IntStream.range(0, WINDOW).map(i -> i * 64).toArray(), 1, WINDOW);
      Tensor scores = data.zeros(DType.F32, 1, heads, tokens);
      var scoring = Scoring.official((float) (1 / Math.sqrt(headDim)));
      List<NewTokens> fresh =
          Data.copies(
              sets,
              () -> {
                Tensor k = data.random(DType.BF16, 1, heads, tokens, headDim);
                return new NewTokens(k, k);
              });
      List<Score> contiguous =
          fresh.stream().map(t -> new Score(q, null, null, t, window, scoring, scores)).toList();
      List<Score> paged =
          fresh.stream()
              .map(t -> data.pages(DType.BF16, PageLayout.DEFAULT_TOKENS, t))
              .map(pages -> new Score(q, null, pages, null, window, scoring, scores))
              .toList();
      Rounds rounds = new Rounds(sets);
      rounds.add("contiguous", bytes, set -> kernels.score(contiguous.get(set)));
      rounds.add("64-token pages", bytes, set -> kernels.score(paged.get(set)));
      ceilings.addRead(rounds, bytes, set -> fresh.get(set).k().segment());
      rounds.run(seconds);

      String shape = "BF16, " + heads + " heads x " + tokens + " keys x " + headDim + ", ";
      String best = rounds.best(Ceilings.JAVA_READ, Ceilings.CPP_READ);
      for (String layout : List.of("contiguous", "64-token pages")) {
        add("score, raw", shape + layout, "GB/s", GIGA, rounds, layout, best);
      }
      figures.addAll(ceilings.figures(rounds, GIGA, "GB/s", Ceilings.JAVA_READ, Ceilings.CPP_READ));
    }
  }

  /** Rows of 256 bytes gathered into fresh pages, against one straight copy of as many bytes. */
  private void compact(int heads, int tokens, int kept, int headDim) {
    long bytes = 2 * DType.BF16.bytes((long) heads * kept * headDim);
    int sets = Rounds.setsFor(2 * bytes);
    try (var data = new Data(kernels)) {
      NewTokens fresh = data.tokens(DType.BF16, 1, heads, tokens, headDim);
      var layout = new PageLayout(DType.BF16, PageLayout.DEFAULT_TOKENS, heads, headDim);
      List<Compact> operations =
          Data.copies(
              sets,
              () -> {
                PagedKv from = data.pages(DType.BF16, PageLayout.DEFAULT_TOKENS, fresh);
                Tensor indices = data.chosen(1, heads, kept, tokens);
                return new Compact(from, null, indices, data.emptyPages(layout, 1, kept));
              });
      Rounds rounds = new Rounds(sets);
      rounds.add("compact", bytes, set -> kernels.compact(operations.get(set)));
      ceilings.addCopy(
          rounds,
          bytes,
          set -> history(operations.get(set)).slab().segment().asSlice(0, bytes),
          set -> operations.get(set).target().slab().segment().asSlice(0, bytes));
      rounds.run(seconds);

      String best = rounds.best(Ceilings.JAVA_COPY, Ceilings.CPP_COPY);
      String shape =
          kept + " of " + tokens + " rows of " + 2 * headDim + " bytes, " + 2 * heads + " lists";
      add("compact", shape, "GB/s", GIGA, rounds, "compact", best);
      figures.addAll(
          ceilings.figures(
              rounds, GIGA, "GB/s", Ceilings.JAVA_COPY, Ceilings.CPP_COPY, Ceilings.CPP_STREAM));
    }
  }

  private static PagedKv history(Compact operation) {
    return Optional.ofNullable(operation.history()).orElseThrow();
  }

  /** F32, 1024 queries over 2521 keys: at best as fast as multiply-adds in registers. */
  private void attendLargeHeads() {
    int heads = 16;
    int headDim = 128;
    int queries = 1024;
    int keys = 2521;
    long flops = 4L * heads * headDim * queries * keys;
    int sets = Rounds.setsFor(2 * DType.F32.bytes((long) heads * keys * headDim));
    try (var data = new Data(kernels)) {
      List<Attend> contiguous =
          Data.copies(
              sets,
              () -> attend(data, null, data.tokens(DType.F32, 1, heads, keys, headDim), queries));
      List<Attend> paged =
          Data.copies(
              sets,
              () ->
                  attend(
                      data,
                      data.pages(
                          DType.F32,
                          PageLayout.DEFAULT_TOKENS,
                          data.tokens(DType.F32, 1, heads, keys - queries, headDim)),
                      data.tokens(DType.F32, 1, heads, queries, headDim),
                      queries));
      Rounds rounds = new Rounds(sets);
      rounds.add("contiguous", flops, set -> kernels.attend(contiguous.get(set)));
      rounds.add("1497 in 64-token pages", flops, set -> kernels.attend(paged.get(set)));
      ceilings.addFma(rounds, flops / 2);
      rounds.run(seconds);

      String best = rounds.best(Ceilings.JAVA_FMA, Ceilings.CPP_FMA);
      for (String layout : List.of("contiguous", "1497 in 64-token pages")) {
        String shape = "F32, 1024 queries x 2521 keys, 16 heads x 128, " + layout;
        add("attend", shape, "GFLOP/s", GIGA, rounds, layout, best);
      }
      figures.addAll(
          ceilings.figures(rounds, GIGA, "GFLOP/s", Ceilings.JAVA_FMA, Ceilings.CPP_FMA));
    }
  }

  /** The last map of the bundled model: two rows for guidance, small heads, small pages. */
  private void attendAsEngine() {
    int rows = 2;
    int heads = 4;
    int headDim = 64;
    int queries = 1024;
    int past = 1216;
    long flops = 4L * rows * heads * headDim * queries * (past + queries);
    int sets =
        Rounds.setsFor(2 * DType.F32.bytes((long) rows * heads * (past + queries) * headDim));
    try (var data = new Data(kernels)) {
      List<Attend> operations =
          Data.copies(
              sets,
              () ->
                  attend(
                      data,
                      data.pages(DType.F32, 16, data.tokens(DType.F32, rows, heads, past, headDim)),
                      data.tokens(DType.F32, rows, heads, queries, headDim),
                      queries));
      Rounds rounds = new Rounds(sets);
      rounds.add("attend", flops, set -> kernels.attend(operations.get(set)));
      ceilings.addFma(rounds, flops / 2);
      rounds.run(seconds);

      String best = rounds.best(Ceilings.JAVA_FMA, Ceilings.CPP_FMA);
      String shape = "F32, 2 rows, 1024 queries x 2240 keys, 4 heads x 64, 1216 in 16-token pages";
      add("attend", shape, "GFLOP/s", GIGA, rounds, "attend", best);
    }
  }

  static Attend attend(Data data, @Nullable PagedKv history, NewTokens fresh, int queries) {
    long[] shape = {fresh.rows(), fresh.heads(), queries, fresh.headDim()};
    return new Attend(
        data.random(DType.F32, shape),
        null,
        history,
        fresh,
        Mask.NONE,
        null,
        (float) (1 / Math.sqrt(fresh.headDim())),
        data.zeros(DType.F32, shape),
        null);
  }

  /** Top-k of each row. The peer leaves its indices in no order, which is the lighter task. */
  private void select(int rows, int tokens, int kept) {
    int sets = Rounds.setsFor(DType.F32.bytes((long) rows * tokens));
    try (var data = new Data(kernels)) {
      int[] capacities = new int[rows];
      Arrays.fill(capacities, kept);
      Tensor capacity = data.integers(capacities, rows, 1);
      Tensor indices = data.zeros(DType.I32, rows, 1, kept);
      List<Select> operations =
          Data.copies(
              sets,
              () ->
                  new Select(
                      data.random(DType.F32, rows, 1, tokens), null, null, capacity, indices));
      Rounds rounds = new Rounds(sets);
      rounds.add("select", 1, set -> kernels.select(operations.get(set)));
      String peer = "C++ nth_element";
      Tensor peerIndices = data.zeros(DType.I32, rows, 1, kept);
      Tensor scratch = data.zeros(DType.I64, rows, tokens);
      cpp.ifPresent(peers ->
          rounds.add(
              peer,
              1,
              set ->
                  workers.run(
                      rows,
                      row ->
                          peers.topK(
                              row(operations.get(set).scores(), row),
                              kept,
                              row(peerIndices, row),
                              row(scratch, row)))));
      rounds.run(seconds);

      String shape = kept + " of " + tokens + ", " + rows + " rows";
      figures.add(
          new Figure(
              Figure.Group.SPEED,
              "select",
              shape,
              workers.threads(),
              "us",
              rounds.seconds("select").times(1 / MICRO),
              cpp.isEmpty()
                  ? null
                  : new Figure.Peer(
                      peer, rounds.seconds(peer).times(1 / MICRO), rounds.ratio("select", peer))));
    }
  }

  private static MemorySegment row(Tensor tensor, int row) {
    long bytes = tensor.dtype().bytes(tensor.stride(0));
    return tensor.segment().asSlice(row * bytes, bytes);
  }

  private void add(
      String name, String shape, String unit, double one, Rounds rounds, String of, String peer) {
    figures.add(Figure.rate(name, shape, workers.threads(), unit, one, rounds, of, peer));
  }
}
