package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Column sums and selectivity drawn from a problem, and copies with results of their own. */
final class SoftmaxOperands {
  private SoftmaxOperands() {}

  static ColumnSums columnSums(Problem problem) {
    int queries = problem.random.nextInt(40);
    Tensor sums =
        problem.operands.result(
            DType.F32,
            problem.rows,
            problem.heads,
            problem.mostTokens() + problem.random.nextInt(9));
    return new ColumnSums(
        problem.queries(queries),
        lengths(problem, queries),
        problem.history,
        problem.fresh,
        problem.random.nextBoolean() ? Mask.NONE : Mask.CAUSAL,
        scale(problem),
        sums);
  }

  static Selectivity selectivity(Problem problem) {
    int queries = problem.random.nextInt(20);
    return new Selectivity(
        problem.queries(queries),
        lengths(problem, queries),
        problem.history,
        Objects.requireNonNull(problem.fresh),
        1 + problem.random.nextInt(problem.random.nextBoolean() ? 8 : 700),
        scale(problem),
        problem.operands.result(DType.F32, 3));
  }

  private static float scale(Problem problem) {
    return (float) (1 / Math.sqrt(problem.headDim));
  }

  private static @Nullable Tensor lengths(Problem problem, int queries) {
    return problem.random.nextBoolean()
        ? null
        : problem.operands.ints(problem.random.ints(problem.rows, 0, queries + 1).toArray());
  }

  static ColumnSums copy(ColumnSums op) {
    return new ColumnSums(
        op.q(),
        op.queryLengths(),
        op.history(),
        op.fresh(),
        op.mask(),
        op.scale(),
        Copies.of(op.sums()));
  }

  static Selectivity copy(Selectivity op) {
    return new Selectivity(
        op.q(),
        op.queryLengths(),
        op.history(),
        op.fresh(),
        op.top(),
        op.scale(),
        Copies.of(op.index()));
  }

  /** Valid queries of a row. */
  static int queries(Tensor q, @Nullable Tensor lengths, int row) {
    return (int) (lengths == null ? q.size(2) : lengths.integerAt(lengths.offset(row)));
  }

  static void assertSame(Tensor actual, Tensor expected) {
    for (int i = 0; i < 3; i++) {
      float a = actual.floatAt(actual.offset(i));
      float e = expected.floatAt(expected.offset(i));
      assertThat(Float.floatToIntBits(a))
          .as("[%d]: %a, %a", i, a, e)
          .isEqualTo(Float.floatToIntBits(e));
    }
  }
}
