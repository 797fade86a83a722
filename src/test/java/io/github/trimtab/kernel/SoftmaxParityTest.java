package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Operations that sum softmax weights over many queries: vector returns the oracle's bits. */
@Tag("parity")
class SoftmaxParityTest {
  private static final Kernels SCALAR = Backends.named("scalar").kernels();

  /** The operations that are compared with the oracle's. */
  Kernels tested() {
    return Backends.named("vector").kernels();
  }

  static Stream<Problem> problems() {
    return Problem.all(90);
  }

  @ParameterizedTest
  @MethodSource("problems")
  void columnSums(Problem problem) {
    ColumnSums expected = SoftmaxOperands.columnSums(problem);
    ColumnSums actual = SoftmaxOperands.copy(expected);
    SCALAR.columnSums(expected);
    tested().columnSums(actual);
    Bits.assertSameFloats(actual.sums(), expected.sums(), expected.mask().toString());
  }

  @ParameterizedTest
  @MethodSource("problems")
  void selectivity(Problem drawn) {
    Problem problem = drawn.fresh == null ? drawn.withFresh(33) : drawn;
    Selectivity expected = SoftmaxOperands.selectivity(problem);
    Selectivity actual = SoftmaxOperands.copy(expected);
    SCALAR.selectivity(expected);
    tested().selectivity(actual);
    SoftmaxOperands.assertSame(actual.index(), expected.index());
  }

  /** More queries than a tile holds, over keys of one, two and four rounds of 32 elements. */
  @ParameterizedTest
  @ValueSource(ints = {8, 64, 72, 128})
  void manyQueries(int headDim) {
    Operands operands = new Operands(new Random(headDim), false, Operands.Values.NORMAL);
    Tensor q = operands.heads(DType.F32, false, 1, 3, 61, headDim);
    NewTokens fresh =
        new NewTokens(operands.heads(DType.F32, false, 1, 1, 300, headDim), null, null);
    for (Mask mask : new Mask[] {Mask.NONE, Mask.CAUSAL}) {
      Tensor sums = operands.result(DType.F32, 1, 1, 301);
      ColumnSums expected = new ColumnSums(q, null, null, fresh, mask, 0.3f, sums);
      ColumnSums actual = SoftmaxOperands.copy(expected);
      SCALAR.columnSums(expected);
      tested().columnSums(actual);
      Bits.assertSameFloats(actual.sums(), sums, mask.toString());
      // Score in softmax mode is the same sum, without pooling and window.
      Scoring scoring = new Scoring(Scoring.Mode.SOFTMAX, 0.3f, mask, Scoring.Pooling.NONE, 1);
      Tensor scores = operands.result(DType.F32, 1, 1, 300);
      tested().score(new Score(q, null, null, fresh, null, scoring, scores));
      for (int t = 0; t < 300; t++) {
        float sum = sums.floatAt(sums.offset(0, 0, t));
        assertThat(scores.floatAt(scores.offset(0, 0, t))).isEqualTo(sum);
      }
    }
  }
}
