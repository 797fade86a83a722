package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Column sums and selectivity of the oracle against the attention matrix in binary64. */
class SoftmaxReferenceTest {
  private static final Kernels SCALAR = Backends.named("scalar").kernels();

  static Stream<Problem> finiteProblems() {
    return Problem.all(90).filter(problem -> problem.values != Operands.Values.SPECIAL);
  }

  /** Softmax weights of a query; zeros behind the first {@code visible}. */
  private static double[] weights(
      Tensor q, int row, int queryHead, int i, float[][] keys, int visible, double scale) {
    float[] query = PageReader.vector(q, row, queryHead, i);
    double[] weights = new double[keys.length];
    for (int t = 0; t < visible; t++) {
      for (int d = 0; d < query.length; d++) {
        weights[t] += scale * query[d] * keys[t][d];
      }
    }
    double max = Arrays.stream(weights, 0, visible).max().orElse(0);
    double sum = Arrays.stream(weights, 0, visible).map(x -> Math.exp(x - max)).sum();
    for (int t = 0; t < visible; t++) {
      weights[t] = Math.exp(weights[t] - max) / sum;
    }
    return weights;
  }

  @ParameterizedTest
  @MethodSource("finiteProblems")
  void columnSums(Problem problem) {
    ColumnSums op = SoftmaxOperands.columnSums(problem);
    SCALAR.columnSums(op);
    for (int row = 0; row < problem.rows; row++) {
      int queries = SoftmaxOperands.queries(op.q(), op.queryLengths(), row);
      for (int head = 0; head < problem.heads; head++) {
        float[][] keys = PageReader.tokens(op.history(), op.fresh(), false, row, head);
        double[] expected = new double[(int) op.sums().size(2)];
        for (int member = 0; member < problem.group; member++) {
          for (int i = 0; i < queries; i++) {
            int visible =
                op.mask() == Mask.NONE
                    ? keys.length
                    : Math.clamp(keys.length - queries + i + 1L, 0, keys.length);
            int queryHead = head * problem.group + member;
            double[] weights = weights(op.q(), row, queryHead, i, keys, visible, op.scale());
            for (int t = 0; t < keys.length; t++) {
              expected[t] += weights[t] / problem.group;
            }
          }
        }
        for (int t = 0; t < expected.length; t++) {
          assertThat((double) op.sums().floatAt(op.sums().offset(row, head, t)))
              .as("[%d, %d, %d]", row, head, t)
              .isCloseTo(expected[t], within(1e-5 * queries));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("finiteProblems")
  void selectivity(Problem drawn) {
    Problem problem = drawn.fresh == null ? drawn.withFresh(33) : drawn;
    Selectivity op = SoftmaxOperands.selectivity(problem);
    SCALAR.selectivity(op);
    double current = 0;
    double history = 0;
    int count = 0;
    for (int row = 0; row < problem.rows; row++) {
      for (int queryHead = 0; queryHead < problem.heads * problem.group; queryHead++) {
        int head = queryHead / problem.group;
        float[][] keys = PageReader.tokens(op.history(), op.fresh(), false, row, head);
        int n = PageReader.length(op.history(), row, head);
        for (int i = 0; i < SoftmaxOperands.queries(op.q(), op.queryLengths(), row); i++) {
          double[] weights = weights(op.q(), row, queryHead, i, keys, keys.length, op.scale());
          current += Arrays.stream(weights, n, keys.length).sum();
          double[] sorted = Arrays.stream(weights, 0, n).map(x -> -x).sorted().toArray();
          history -= Arrays.stream(sorted).limit(op.top()).sum();
          count++;
        }
      }
    }
    double[] expected = {current / count, history / count, current * history / count / count};
    for (int i = 0; i < 3; i++) {
      double actual = op.index().floatAt(op.index().offset(i));
      if (count == 0) {
        assertThat(actual).isNaN();
      } else {
        assertThat(actual).isCloseTo(expected[i], within(2e-5));
      }
    }
  }

  /** Where K' takes the whole history, every query's two shares make 1. */
  @Test
  void sharesOfAllTokensMakeOne() {
    Operands operands = new Operands(new Random(2), true, Operands.Values.NORMAL);
    PagedKv history = operands.filled(new PageLayout(DType.BF16, 32, 2, 16), new int[][] {{70}});
    NewTokens fresh = new NewTokens(operands.heads(DType.BF16, false, 1, 2, 9, 16), null, null);
    Tensor q = operands.heads(DType.BF16, false, 1, 4, 9, 16);
    float[] all =
        index(new Selectivity(q, null, history, fresh, 70, 0.4f, operands.result(DType.F32, 3)));
    assertThat(all[0] + all[1]).isCloseTo(1f, within(1e-5f));
    assertThat(all[2]).isEqualTo(all[0] * all[1]);
    float[] more =
        index(new Selectivity(q, null, history, fresh, 4000, 0.4f, operands.result(DType.F32, 3)));
    assertThat(more).isEqualTo(all);
    float[] fewer =
        index(new Selectivity(q, null, history, fresh, 3, 0.4f, operands.result(DType.F32, 3)));
    assertThat(fewer[0]).isEqualTo(all[0]);
    assertThat(fewer[1]).isBetween(3 * all[1] / 70, all[1]);
    float[] alone =
        index(new Selectivity(q, null, null, fresh, 1, 0.4f, operands.result(DType.F32, 3)));
    assertThat(alone[0]).isCloseTo(1f, within(1e-5f));
    assertThat(alone[1]).isZero();
  }

  private static float[] index(Selectivity op) {
    SCALAR.selectivity(op);
    float[] index = new float[3];
    IntStream.range(0, 3).forEach(i -> index[i] = op.index().floatAt(op.index().offset(i)));
    return index;
  }
}
