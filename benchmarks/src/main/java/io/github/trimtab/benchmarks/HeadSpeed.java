package io.github.trimtab.benchmarks;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Draft heads on cold rows. One vector is at best as fast as memory can be read, eight are held
 * against multiply-adds in registers.
 */
final class HeadSpeed {
  private static final int ROWS = 32768;
  private static final int COLUMNS = 2048;
  private static final int TOP = 10;
  private static final String GATHERED = "every second row";

  private final Kernels kernels;
  private final Workers workers;
  private final Ceilings ceilings;
  private final double seconds;
  private final List<Figure> figures = new ArrayList<>();

  HeadSpeed(Kernels kernels, Workers workers, Optional<CppPeers> cpp, double seconds) {
    this.kernels = kernels;
    this.workers = workers;
    this.ceilings = new Ceilings(workers, cpp);
    this.seconds = seconds;
  }

  List<Figure> measure() {
    oneVector(DType.F32);
    oneVector(DType.BF16);
    oneVector(DType.INT8);
    manyVectors(DType.BF16, 8);
    return figures;
  }

  /** Packed rows, every second row of a matrix twice as large, and the ten highest logits. */
  private void oneVector(DType format) {
    try (var data = new Data(kernels)) {
      List<WeightRows> weights = weights(data, format, 2 * ROWS);
      long bytes = weights.getFirst().bytes() / 2;
      Tensor packedIds = data.integers(IntStream.range(0, ROWS).toArray(), ROWS);
      Tensor gatheredIds = data.integers(IntStream.range(0, ROWS).map(i -> 2 * i).toArray(), ROWS);
      Tensor hidden = data.random(DType.F32, 1, COLUMNS);
      Tensor logits = data.zeros(DType.F32, 1, ROWS);
      List<Head> packed = logits(weights, packedIds, hidden, logits);
      List<Head> gathered = logits(weights, gatheredIds, hidden, logits);
      Tensor ids = data.zeros(DType.I32, 1, TOP);
      Tensor values = data.zeros(DType.F32, 1, TOP);
      Tensor sum = data.zeros(DType.F32, 1);
      List<Head> top =
          weights.stream()
              .map(w -> Head.top(hidden, HeadRows.gathered(w, packedIds), ids, values, sum))
              .toList();
      Rounds rounds = new Rounds(weights.size());
      rounds.add("packed", bytes, set -> kernels.head(packed.get(set)));
      rounds.add(GATHERED, bytes, set -> kernels.head(gathered.get(set)));
      rounds.add("top 10, log-sum-exp", bytes, set -> kernels.head(top.get(set)));
      ceilings.addRead(
          rounds, bytes, set -> weights.get(set).codes().segment().asSlice(0, bytes / 128 * 128));
      ceilings.addReadRows(
          rounds,
          (long) ROWS * format.bytes(COLUMNS),
          format.bytes(COLUMNS),
          set -> weights.get(set).codes().segment());
      rounds.run(seconds);

      String best = rounds.best(Ceilings.JAVA_READ, Ceilings.CPP_READ);
      String shape = format + ", " + ROWS + " rows x " + COLUMNS + ", 1 vector, ";
      for (String form : List.of("packed", GATHERED, "top 10, log-sum-exp")) {
        figures.add(
            Figure.rate("head", shape + form, workers.threads(), "GB/s", 1e9, rounds, form, best));
      }
      if (rounds.has(Ceilings.CPP_READ_ROWS)) {
        figures.add(
            Figure.rate(
                "head",
                shape + GATHERED + ", beside C++ that only reads it",
                workers.threads(),
                "GB/s",
                1e9,
                rounds,
                GATHERED,
                Ceilings.CPP_READ_ROWS));
      }
    }
  }

  private void manyVectors(DType format, int vectors) {
    long flops = 2L * vectors * ROWS * COLUMNS;
    try (var data = new Data(kernels)) {
      List<WeightRows> weights = weights(data, format, ROWS);
      Tensor hidden = data.random(DType.F32, vectors, COLUMNS);
      Tensor logits = data.zeros(DType.F32, vectors, ROWS);
      List<Head> heads =
          weights.stream().map(w -> Head.logits(hidden, HeadRows.all(w), logits)).toList();
      Rounds rounds = new Rounds(weights.size());
      rounds.add("head", flops, set -> kernels.head(heads.get(set)));
      ceilings.addFma(rounds, flops);
      rounds.run(seconds);

      String best = rounds.best(Ceilings.JAVA_FMA, Ceilings.CPP_FMA);
      String shape = format + ", " + ROWS + " rows x " + COLUMNS + ", " + vectors + " vectors";
      figures.add(
          Figure.rate("head", shape, workers.threads(), "GFLOP/s", 1e9, rounds, "head", best));
    }
  }

  private static List<Head> logits(
      List<WeightRows> weights, Tensor ids, Tensor hidden, Tensor logits) {
    return weights.stream()
        .map(w -> Head.logits(hidden, HeadRows.gathered(w, ids), logits))
        .toList();
  }

  /** Copies of a matrix, as many as it takes to be cold. */
  private static List<WeightRows> weights(Data data, DType format, int rows) {
    Tensor source = data.random(DType.BF16, rows, COLUMNS);
    int sets = Rounds.setsFor(format.bytes((long) rows * COLUMNS));
    return Data.copies(sets, () -> data.weights(format, source));
  }
}
