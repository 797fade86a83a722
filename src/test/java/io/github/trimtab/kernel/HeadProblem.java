package io.github.trimtab.kernel;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A random head: its matrix, the rows that take part, hidden vectors, and room for all results. */
final class HeadProblem {
  private static final List<DType> FORMATS =
      List.of(DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8, DType.INT4);
  private static final List<DType> FLOATS = List.of(DType.F32, DType.F16, DType.BF16);
  private static final int[] COLUMNS = {2, 20, 31, 32, 64, 66, 96, 128, 160, 256, 320, 386, 640};
  private static final int[] VECTORS = {1, 1, 2, 3, 5, 7, 8, 9, 13, 64};

  final Random random;
  final Operands operands;
  final Operands.Values values;

  /** The matrix before it was rounded to rows. */
  final Tensor weight;

  final HeadRows rows;
  final Tensor hidden;
  final int top;

  private HeadProblem(int seed) {
    random = new Random(seed);
    values = pick(List.of(Operands.Values.values()));
    operands = new Operands(random, random.nextBoolean(), values);
    DType format = FORMATS.get(seed % FORMATS.size());
    int columns = COLUMNS[random.nextInt(COLUMNS.length)];
    columns += format == DType.INT4 ? columns % 2 : 0;
    int vocabulary = 1 + random.nextInt(random.nextInt(4) == 0 ? 2000 : 330);
    DType given = format.isFloat() ? format : pick(FLOATS);
    weight = operands.matrix(given, random.nextBoolean(), vocabulary, columns);
    WeightRows matrix =
        format.isFloat() ? WeightRows.of(weight) : quantized(format, divisor(columns));
    rows = random.nextInt(4) == 0 ? HeadRows.all(matrix) : chosen(matrix);
    int vectors = VECTORS[random.nextInt(VECTORS.length)];
    hidden = operands.matrix(pick(FLOATS), random.nextBoolean(), vectors, columns);
    top = 1 + random.nextInt(Math.min(rows.capacity(), random.nextInt(5) == 0 ? 700 : 12));
  }

  /** Problems over every format. */
  static Stream<HeadProblem> all(int count) {
    return IntStream.range(0, count).mapToObj(HeadProblem::new);
  }

  private <T> T pick(List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  /** The whole row, or any divisor of it. */
  private int divisor(int columns) {
    List<Integer> divisors =
        IntStream.rangeClosed(1, columns).filter(i -> columns % i == 0).boxed().toList();
    return random.nextInt(3) == 0 ? columns : pick(divisors);
  }

  private WeightRows quantized(DType format, int group) {
    WeightRows quantized = emptyRows(operands, format, weight.shape(), group);
    Backends.named("scalar").kernels().quantize(new Quantize(weight, quantized));
    if (random.nextInt(4) > 0) {
      return quantized;
    }
    Tensor scales = Objects.requireNonNull(quantized.scales());
    Tensor half = operands.result(DType.F16, scales.shape());
    for (int i = 0; i < half.elements(); i++) {
      half.setFloatAt(2L * i, scales.floatAt(2L * i));
    }
    return new WeightRows(format, quantized.codes(), half);
  }

  /** Poisoned rows for a matrix of this shape; a group of FP8 rows is the row. */
  static WeightRows emptyRows(Operands operands, DType format, long[] shape, int group) {
    if (format.isFloat()) {
      return WeightRows.of(operands.result(format, shape));
    }
    boolean nibbles = format == DType.INT4;
    Tensor codes =
        operands.result(nibbles ? DType.INT8 : format, shape[0], nibbles ? shape[1] / 2 : shape[1]);
    long groups = format == DType.FP8_E4M3 ? 1 : shape[1] / group;
    return new WeightRows(format, codes, operands.result(DType.BF16, shape[0], groups));
  }

  /** Some ids in random or rising order, gathered or packed, with a count or without. */
  private HeadRows chosen(WeightRows matrix) {
    int vocabulary = matrix.rows();
    int kept = 1 + random.nextInt(vocabulary);
    boolean packed = random.nextInt(3) == 0;
    int reach = packed ? 3 * vocabulary : vocabulary;
    int[] ids = shuffled(reach, kept);
    if (random.nextBoolean()) {
      Arrays.sort(ids);
    }
    @Nullable Tensor count = random.nextBoolean() ? operands.ints(random.nextInt(kept + 1)) : null;
    return new HeadRows(matrix, operands.ints(ids), count, packed, reach);
  }

  private int[] shuffled(int end, int count) {
    List<Integer> ids = new ArrayList<>(IntStream.range(0, end).boxed().toList());
    Collections.shuffle(ids, random);
    return ids.stream().limit(count).mapToInt(i -> i).toArray();
  }

  /** The operation with every result, over fresh poison. */
  Head head() {
    return head(rows);
  }

  /** The same over other rows. */
  Head head(HeadRows other) {
    int vectors = (int) hidden.size(0);
    IntFunction<Tensor> result = columns -> operands.result(DType.F32, vectors, columns);
    return new Head(
        hidden,
        other,
        result.apply(other.capacity()),
        operands.result(DType.I32, vectors, top),
        result.apply(top),
        operands.result(DType.F32, vectors));
  }

  /** Rows that take part. */
  int count() {
    Tensor count = rows.count();
    return count == null ? rows.capacity() : (int) count.integerAt(count.offset(0));
  }

  /** Id of a place. */
  int id(int place) {
    Tensor ids = rows.ids();
    return ids == null ? place : (int) ids.integerAt(ids.offset(place));
  }

  @Override
  public String toString() {
    WeightRows matrix = rows.weight();
    return "%s [%d, %d] in groups of %d, %d places%s, %d vectors of %s, top %d, %s values"
        .formatted(
            matrix.format(),
            matrix.rows(),
            matrix.columns(),
            matrix.group(),
            rows.capacity(),
            rows.ids() == null ? "" : rows.packed() ? " packed" : " gathered",
            hidden.size(0),
            hidden.dtype(),
            top,
            values);
  }
}
