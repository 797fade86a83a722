package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.SpeedUp;
import io.github.trimtab.vocab.DraftCost;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The heads of published drafters, from all rows to 4k, by row format: random weights of their
 * shapes, rows gathered where they lie, the ten highest logits with their log-sum-exp.
 */
final class DraftStudy {
  /** Tokens drafted a round, as in VocabTrim. */
  static final int GAMMA = 3;

  private static final List<DType> FORMATS = List.of(DType.BF16, DType.INT8, DType.INT4);
  private static final List<Integer> KEPT = List.of(65536, 32768, 16384, 8192, 4096);
  private static final int TOP = 10;

  /**
   * A drafter and a target of its family; weights as their papers and configurations say.
   *
   * @param body weights of the drafter that a step reads besides the head's
   * @param target weights that a step of the target reads
   */
  record Pair(
      String drafter, String targetName, int vocabulary, int width, long body, long target) {
    @Override
    public String toString() {
      return drafter + " (" + vocabulary + " x " + width + ")";
    }
  }

  static final List<Pair> PAIRS =
      List.of(
          new Pair("Llama-3.2-1B", "Llama-3.1-8B", 128256, 2048, 973_000_000L, 7_505_000_000L),
          new Pair("Llama-3.2-3B", "Llama-3.1-70B", 128256, 3072, 2_819_000_000L, 69_500_000_000L),
          new Pair("Qwen3-0.6B", "Qwen3-8B", 151936, 1024, 440_000_000L, 7_568_000_000L),
          new Pair("Qwen3-4B", "Qwen3-32B", 151936, 2560, 3_633_000_000L, 31_984_000_000L),
          new Pair("Gemma-2-2B", "Gemma-2-9B", 256000, 2304, 2_024_000_000L, 9_242_000_000L));

  private final Kernels kernels;
  private final Workers workers;
  private final Ceilings ceilings;
  private final double seconds;
  private final List<Figure> figures = new ArrayList<>();

  DraftStudy(Kernels kernels, Workers workers, Optional<CppPeers> cpp, double seconds) {
    this.kernels = kernels;
    this.workers = workers;
    this.ceilings = new Ceilings(workers, cpp);
    this.seconds = seconds;
  }

  List<Figure> measure() {
    // What the first heads take while they are being compiled is no figure.
    FORMATS.forEach(format -> heads(PAIRS.getFirst(), format));
    figures.clear();
    for (Pair pair : PAIRS) {
      for (DType format : FORMATS) {
        heads(pair, format);
      }
    }
    return figures;
  }

  private void heads(Pair pair, DType format) {
    try (var data = new Data(kernels)) {
      Tensor source = data.random(DType.BF16, pair.vocabulary, pair.width);
      WeightRows all = data.weights(format, source);
      Tensor hidden = data.random(DType.F32, 1, pair.width);
      head(pair, data, List.of(HeadRows.all(all)), hidden);
      for (int kept : KEPT) {
        head(pair, data, gathered(data, all, kept), hidden);
      }
      if (format == DType.BF16 && pair.equals(PAIRS.getFirst())) {
        long bytes = all.bytes() / 128 * 128;
        Rounds rounds = new Rounds(1);
        ceilings.addRead(rounds, bytes, set -> all.codes().segment().asSlice(0, bytes));
        rounds.run(seconds);
        figures.addAll(
            ceilings.figures(rounds, 1e9, "GB/s", Ceilings.JAVA_READ, Ceilings.CPP_READ));
      }
    }
  }

  /** Whether all rows of a head took part, which are read as they lie; kept ones are gathered. */
  static boolean isWhole(Figure figure) {
    return !KEPT.contains(SizeStudy.size(figure));
  }

  /** Evenly spread rows; each set has other ones, so that none are in a cache. */
  private static List<HeadRows> gathered(Data data, WeightRows all, int kept) {
    int sets = Math.min(all.rows() / kept, Rounds.setsFor(all.bytes() / all.rows() * kept));
    return IntStream.range(0, sets)
        .mapToObj(set ->
            IntStream.range(0, kept)
                .map(i -> (int) ((long) i * (all.rows() - sets) / kept) + set)
                .toArray())
        .map(ids -> HeadRows.gathered(all, data.integers(ids, kept)))
        .toList();
  }

  private void head(Pair pair, Data data, List<HeadRows> rows, Tensor hidden) {
    Tensor ids = data.zeros(DType.I32, 1, TOP);
    Tensor values = data.zeros(DType.F32, 1, TOP);
    Tensor sum = data.zeros(DType.F32, 1);
    List<Head> heads = rows.stream().map(r -> Head.top(hidden, r, ids, values, sum)).toList();
    Spread time =
        new Rounds(heads.size())
            .add("", 1, set -> kernels.head(heads.get(set)))
            .run(seconds)
            .seconds("")
            .times(1e3);
    HeadRows first = rows.getFirst();
    figures.add(
        new Figure(
            Group.DRAFT,
            pair + ", " + first.weight().format(),
            Integer.toString(first.capacity()),
            workers.threads(),
            "ms",
            time,
            null));
  }

  /**
   * How many times MBSU grows at the acceptance of the full head, when all weights but the head's
   * are BF16 and read at the ceiling, and the head takes the measured times.
   *
   * @param line measured heads of the pair, one of them the full one
   * @param full milliseconds of the full head of BF16 rows
   * @param gigabytes a second, the read ceiling
   */
  static double gain(Pair pair, List<Figure> line, double full, int kept, double gigabytes) {
    List<Figure> rising = line.stream().sorted(Comparator.comparingInt(SizeStudy::size)).toList();
    var cost =
        DraftCost.ofSeconds(
            rising.stream().mapToInt(SizeStudy::size).toArray(),
            rising.stream().mapToDouble(f -> f.value().median() * 1e-3).toArray(),
            2 * pair.body / (gigabytes * 1e9),
            2 * pair.target / (gigabytes * 1e9));
    double before = full * 1e-3 + 2 * pair.body / (gigabytes * 1e9);
    double fullCost = before / (2 * pair.target / (gigabytes * 1e9));
    return SpeedUp.memoryBound(1, cost.applyAsDouble(kept), GAMMA)
        / SpeedUp.memoryBound(1, fullCost, GAMMA);
  }
}
