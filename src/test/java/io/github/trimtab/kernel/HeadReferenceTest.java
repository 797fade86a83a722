package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The oracle for heads and quantised rows against naive code in binary64. */
class HeadReferenceTest {
  private static final Kernels SCALAR = Backends.named("scalar").kernels();

  static Stream<HeadProblem> finiteProblems() {
    return HeadProblem.all(120).filter(problem -> problem.values != Operands.Values.SPECIAL);
  }

  static Stream<HeadProblem> problems() {
    return HeadProblem.all(120);
  }

  /** A weight, decoded by the words of {@link WeightRows}. */
  static double weight(WeightRows rows, int row, int column) {
    Tensor codes = rows.codes();
    if (rows.format().isFloat()) {
      return codes.floatAt(codes.offset(row, column));
    }
    Tensor scales = Objects.requireNonNull(rows.scales());
    long place = codes.offset(row, rows.format() == DType.INT4 ? column / 2 : column);
    int bits = codes.segment().get(ValueLayout.JAVA_BYTE, place) & 0xff;
    double code =
        switch (rows.format()) {
          case FP8_E4M3 -> FloatFormats.fromFp8((byte) bits);
          case INT8 -> bits < 128 ? bits : bits - 256;
          default -> {
            int nibble = column % 2 == 0 ? bits % 16 : bits / 16;
            yield nibble < 8 ? nibble : nibble - 16;
          }
        };
    return code * scales.floatAt(scales.offset(row, column / rows.group()));
  }

  private static float logit(Head head, int vector, int place) {
    Tensor logits = Objects.requireNonNull(head.logits());
    return logits.floatAt(logits.offset(vector, place));
  }

  @ParameterizedTest
  @MethodSource("finiteProblems")
  void logitsAreDotProducts(HeadProblem problem) {
    Head head = problem.head();
    SCALAR.head(head);
    WeightRows matrix = problem.rows.weight();
    int columns = matrix.columns();
    for (int n = 0; n < head.vectors(); n++) {
      for (int place = 0; place < problem.rows.capacity(); place++) {
        if (place >= problem.count()) {
          assertThat(logit(head, n, place)).isEqualTo(Float.NEGATIVE_INFINITY);
          continue;
        }
        int row = problem.rows.packed() ? place : problem.id(place);
        double dot = 0;
        double size = 0;
        for (int i = 0; i < columns; i++) {
          double term =
              weight(matrix, row, i) * problem.hidden.floatAt(problem.hidden.offset(n, i));
          dot += term;
          size += Math.abs(term);
        }
        double rounding = (columns / 32 + 6) * 0x1p-24 * size;
        assertThat((double) logit(head, n, place)).isCloseTo(dot, within(rounding + 1e-40));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("problems")
  void theHighestLogitsInOrder(HeadProblem problem) {
    Head head = problem.head();
    SCALAR.head(head);
    Tensor ids = Objects.requireNonNull(head.ids());
    Tensor values = Objects.requireNonNull(head.values());
    for (int n = 0; n < head.vectors(); n++) {
      int vector = n;
      // -0 ties with +0; a NaN comes last.
      Comparator<Integer> higher =
          Comparator.<Integer, Boolean>comparing(p -> Float.isNaN(logit(head, vector, p)))
              .thenComparing(p -> logit(head, vector, p) + 0f, Comparator.reverseOrder());
      List<Integer> places =
          IntStream.range(0, problem.count())
              .boxed()
              .sorted(higher.thenComparing(Comparator.naturalOrder()))
              .toList();
      for (int i = 0; i < problem.top; i++) {
        boolean present = i < places.size();
        assertThat(ids.integerAt(ids.offset(n, i)))
            .isEqualTo(present ? problem.id(places.get(i)) : -1);
        float expected = present ? logit(head, n, places.get(i)) + 0f : Float.NEGATIVE_INFINITY;
        assertThat(Float.floatToIntBits(values.floatAt(values.offset(n, i))))
            .isEqualTo(Float.floatToIntBits(expected));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("finiteProblems")
  void logSumExp(HeadProblem problem) {
    Head head = problem.head();
    SCALAR.head(head);
    Tensor result = Objects.requireNonNull(head.logSumExp());
    for (int n = 0; n < head.vectors(); n++) {
      int vector = n;
      double max =
          IntStream.range(0, problem.count())
              .mapToDouble(place -> logit(head, vector, place))
              .max()
              .orElse(Double.NEGATIVE_INFINITY);
      double sum =
          IntStream.range(0, problem.count())
              .mapToDouble(place -> Math.exp(logit(head, vector, place) - max))
              .sum();
      float actual = result.floatAt(result.offset(n));
      if (problem.count() == 0) {
        assertThat(actual).isEqualTo(Float.NEGATIVE_INFINITY);
      } else {
        double expected = max + Math.log(sum);
        assertThat((double) actual)
            .isCloseTo(expected, within(4d * Math.ulp((float) Math.abs(max) + 8f)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("finiteProblems")
  void quantizedRowsAreTheNearest(HeadProblem problem) {
    WeightRows rows = problem.rows.weight();
    if (rows.format().isFloat() || Objects.requireNonNull(rows.scales()).dtype() != DType.BF16) {
      return;
    }
    Tensor scales = Objects.requireNonNull(rows.scales());
    float top = rows.format() == DType.FP8_E4M3 ? 448 : rows.format() == DType.INT8 ? 127 : 7;
    for (int row = 0; row < rows.rows(); row++) {
      for (int start = 0; start < rows.columns(); start += rows.group()) {
        float max = 0;
        for (int i = start; i < start + rows.group(); i++) {
          max = Math.max(max, Math.abs(problem.weight.floatAt(problem.weight.offset(row, i))));
        }
        float scale = FloatFormats.fromBf16(FloatFormats.toBf16(max / top));
        assertThat(scales.floatAt(scales.offset(row, start / rows.group()))).isEqualTo(scale);
        for (int i = start; i < start + rows.group(); i++) {
          double x = problem.weight.floatAt(problem.weight.offset(row, i));
          double least = Double.POSITIVE_INFINITY;
          for (int code = 0; code < 256; code++) {
            double value = rows.format() == DType.FP8_E4M3 ? fp8(code) : (byte) code;
            if (Math.abs(value) <= top) {
              least = Math.min(least, Math.abs(x - value * scale));
            }
          }
          // The quotient is rounded once before it is rounded to a code.
          assertThat(Math.abs(x - weight(rows, row, i)))
              .isLessThanOrEqualTo(least + Math.abs(x) * 0x1p-23);
        }
      }
    }
  }

  private static double fp8(int code) {
    float value = FloatFormats.fromFp8((byte) code);
    return Float.isNaN(value) ? Double.POSITIVE_INFINITY : value;
  }

  @Test
  void hardGroups() {
    float inf = Float.POSITIVE_INFINITY;
    float[][] groups = {
      {0f, -0f, 0f, 0f},
      {7 * Float.MIN_VALUE, 0f, 0f, 0f},
      {inf, 1f, -inf, 0f},
      {1f, Float.NaN, 2f, 3f},
      {Float.MAX_VALUE, -Float.MAX_VALUE, 1f, 0f},
      {7f, 0.5f, 1.5f, -2.5f}
    };
    for (DType format : new DType[] {DType.FP8_E4M3, DType.INT8, DType.INT4}) {
      for (String backend : TestBackends.NAMES) {
        float[][] read = new float[groups.length][4];
        for (int i = 0; i < groups.length; i++) {
          WeightRows rows = WeightRows.allocate(format, 1, 4, 4);
          Kernels kernels = Backends.named(backend).kernels();
          kernels.quantize(new Quantize(Tensor.wrap(groups[i].clone(), 1, 4), rows));
          rows.read(0, read[i]);
          rows.codes().buffer().close();
        }
        assertThat(read[0]).containsExactly(0f, 0f, 0f, 0f);
        assertThat(read[1]).containsExactly(0f, 0f, 0f, 0f);
        assertThat(read[2][0]).isEqualTo(-read[2][2]).isGreaterThan(3.2e38f).isLessThan(inf);
        assertThat(read[3]).containsExactly(Float.NaN, Float.NaN, Float.NaN, Float.NaN);
        assertThat(read[4][0]).isEqualTo(-read[4][1]).isGreaterThan(3.2e38f).isLessThan(inf);
      }
    }
    // INT4 with scale 1: halves go to the even code.
    WeightRows rows = WeightRows.allocate(DType.INT4, 1, 4, 4);
    SCALAR.quantize(new Quantize(Tensor.wrap(groups[5].clone(), 1, 4), rows));
    float[] read = new float[4];
    rows.read(0, read);
    assertThat(read).containsExactly(7f, 0f, 2f, -2f);
    rows.codes().buffer().close();
  }
}
