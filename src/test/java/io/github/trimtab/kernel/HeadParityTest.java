package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Heads and quantised rows: the vector backend returns the scalar backend's bits, and different
 * ways to the same rows return the same bits on both.
 */
@Tag("parity")
class HeadParityTest {
  private static final Kernels SCALAR = Backends.named("scalar").kernels();

  /** The operations that are compared with the oracle's. */
  Kernels tested() {
    return Backends.named("vector").kernels();
  }

  static Stream<HeadProblem> problems() {
    return HeadProblem.all(120);
  }

  private static Tensor there(@Nullable Tensor result) {
    return Objects.requireNonNull(result);
  }

  private static void assertSame(Head actual, Head expected, String what) {
    Bits.assertSameElements(there(actual.logits()), there(expected.logits()), what + " logits");
    Bits.assertSameBytes(there(actual.ids()), there(expected.ids()), what + " ids");
    Bits.assertSameElements(there(actual.values()), there(expected.values()), what + " values");
    Bits.assertSameElements(
        there(actual.logSumExp()), there(expected.logSumExp()), what + " logSumExp");
  }

  @ParameterizedTest
  @MethodSource("problems")
  void head(HeadProblem problem) {
    Head expected = problem.head();
    Head actual = problem.head();
    SCALAR.head(expected);
    tested().head(actual);
    assertSame(actual, expected, "all results");

    Head topOnly = problem.head();
    Head top =
        Head.top(problem.hidden, problem.rows, there(topOnly.ids()), there(topOnly.values()));
    tested().head(top);
    Bits.assertSameBytes(there(top.ids()), there(expected.ids()), "top only");
  }

  @ParameterizedTest
  @MethodSource("problems")
  void quantizedRowsAreTheirWidenedRows(HeadProblem problem) {
    WeightRows matrix = problem.rows.weight();
    Tensor wide = problem.operands.result(DType.F32, matrix.rows(), matrix.columns());
    float[] row = new float[matrix.columns()];
    for (int i = 0; i < matrix.rows(); i++) {
      matrix.read(i, row);
      for (int j = 0; j < row.length; j++) {
        wide.setFloatAt(wide.offset(i, j), row[j]);
      }
    }
    HeadRows widened =
        new HeadRows(
            WeightRows.of(wide),
            problem.rows.ids(),
            problem.rows.count(),
            problem.rows.packed(),
            problem.rows.vocabulary());
    Head expected = problem.head(widened);
    Head actual = problem.head();
    tested().head(expected);
    tested().head(actual);
    assertSame(actual, expected, "quantised");
  }

  @ParameterizedTest
  @MethodSource("problems")
  void gatheredRowsArePackedRows(HeadProblem problem) {
    Tensor ids = problem.rows.ids();
    if (ids == null || problem.rows.packed()) {
      return;
    }
    WeightRows matrix = problem.rows.weight();
    long[] shape = {ids.size(0), matrix.columns()};
    WeightRows byScalar =
        likeRows(
            HeadProblem.emptyRows(problem.operands, matrix.format(), shape, matrix.group()),
            matrix,
            problem);
    WeightRows byVector =
        likeRows(
            HeadProblem.emptyRows(problem.operands, matrix.format(), shape, matrix.group()),
            matrix,
            problem);
    SCALAR.pack(new Pack(matrix, ids, byScalar));
    tested().pack(new Pack(matrix, ids, byVector));
    Bits.assertSameBytes(byVector.codes(), byScalar.codes(), "packed codes");
    HeadRows packed =
        new HeadRows(byVector, ids, problem.rows.count(), true, problem.rows.vocabulary());
    Head expected = problem.head();
    Head actual = problem.head(packed);
    tested().head(expected);
    tested().head(actual);
    assertSame(actual, expected, "packed");
  }

  /** Rows with scales of the dtype that the others have. */
  private static WeightRows likeRows(WeightRows rows, WeightRows other, HeadProblem problem) {
    Tensor scales = rows.scales();
    Tensor like = other.scales();
    return scales == null || like == null || scales.dtype() == like.dtype()
        ? rows
        : new WeightRows(
            rows.format(), rows.codes(), problem.operands.result(like.dtype(), scales.shape()));
  }

  @ParameterizedTest
  @MethodSource("problems")
  void quantize(HeadProblem problem) {
    for (DType format : new DType[] {DType.FP8_E4M3, DType.INT8, DType.INT4}) {
      int columns = (int) problem.weight.size(1);
      if (format == DType.INT4 && columns % 2 != 0) {
        continue;
      }
      int group = problem.rows.weight().group();
      WeightRows expected =
          HeadProblem.emptyRows(problem.operands, format, problem.weight.shape(), group);
      WeightRows actual =
          HeadProblem.emptyRows(problem.operands, format, problem.weight.shape(), group);
      SCALAR.quantize(new Quantize(problem.weight, expected));
      tested().quantize(new Quantize(problem.weight, actual));
      Bits.assertSameBytes(actual.codes(), expected.codes(), format + " codes");
      Bits.assertSameBytes(there(actual.scales()), there(expected.scales()), format + " scales");
    }
  }

  /** A core and a tail in one buffer: one operation serves whatever the buffer says now. */
  @ParameterizedTest
  @MethodSource("problems")
  void anOperationIsReplayedWhenTheIdsChange(HeadProblem problem) {
    Tensor ids = problem.rows.ids();
    Tensor count = problem.rows.count();
    if (ids == null || count == null) {
      return;
    }
    Head replayed = problem.head();
    tested().head(replayed);
    int kept = (int) ids.size(0);
    for (int i = 0; i < kept / 2; i++) {
      long a = ids.integerAt(ids.offset(i));
      ids.setIntegerAt(ids.offset(i), ids.integerAt(ids.offset(kept - 1 - i)));
      ids.setIntegerAt(ids.offset(kept - 1 - i), a);
    }
    count.setIntegerAt(count.offset(0), problem.random.nextInt(kept + 1));
    Head expected = problem.head();
    SCALAR.head(expected);
    tested().head(replayed);
    assertSame(replayed, expected, "replayed");
    assertThat(replayed.rows()).isSameAs(problem.rows);
  }
}
