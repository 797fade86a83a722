package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.CudaDevices;
import io.github.trimtab.memory.Tensor;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The same on CUDA, for as many vectors as are canonical; tensor cores multiply more of them, in
 * another order.
 */
@Tag("cuda")
final class CudaHeadParityTest extends HeadParityTest {
  private static final int MOST_CANONICAL = 8;

  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  static Stream<HeadProblem> problems() {
    return HeadParityTest.problems().filter(problem -> vectors(problem) <= MOST_CANONICAL);
  }

  static Stream<HeadProblem> problemsOfManyVectors() {
    return HeadParityTest.problems()
        .filter(problem -> vectors(problem) > MOST_CANONICAL)
        .filter(problem -> problem.values != Operands.Values.SPECIAL);
  }

  private static int vectors(HeadProblem problem) {
    return (int) problem.hidden.size(0);
  }

  @Override
  Kernels tested() {
    return CudaDevices.backend().hostKernels();
  }

  @ParameterizedTest
  @MethodSource("problemsOfManyVectors")
  void theErrorOfManyVectorsIsAtMostTwiceThatOfPlainSums(HeadProblem problem) {
    Head head = problem.head();
    tested().head(head);
    Tensor logits = Objects.requireNonNull(head.logits());
    double error = 0;
    double plainError = 0;
    for (int n = 0; n < head.vectors(); n++) {
      for (int place = 0; place < problem.count(); place++) {
        int row = problem.rows.packed() ? place : problem.id(place);
        double exact = 0;
        float plain = 0;
        for (int i = 0; i < problem.rows.weight().columns(); i++) {
          double weight = HeadReferenceTest.weight(problem.rows.weight(), row, i);
          float x = problem.hidden.floatAt(problem.hidden.offset(n, i));
          exact += weight * x;
          plain += (float) weight * x;
        }
        error = Math.max(error, Math.abs(logits.floatAt(logits.offset(n, place)) - exact));
        plainError = Math.max(plainError, Math.abs(plain - exact));
      }
    }
    assertThat(error).isLessThanOrEqualTo(2 * plainError);
  }
}
