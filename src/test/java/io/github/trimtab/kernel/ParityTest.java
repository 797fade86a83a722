package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The vector backend returns the scalar backend's bits, at whatever width {@code
 * trimtab.vector.bits} forces. Where the vector backend is missing these tests fail.
 */
@Tag("parity")
class ParityTest {
  private static final Kernels SCALAR = Backends.named("scalar").kernels();

  /** The operations that are compared with the oracle's. */
  Kernels tested() {
    return Backends.named("vector").kernels();
  }

  static Stream<Problem> problems() {
    return Problem.all(90);
  }

  private static boolean special(Problem problem) {
    return problem.values == Operands.Values.SPECIAL;
  }

  @Test
  void theWidthIsTheOneAskedFor() {
    Backend vector = Backends.named("vector");
    Integer bits = Integer.getInteger("trimtab.vector.bits");
    assertThat(vector.isAvailable()).as(vector.toString()).isTrue();
    if (bits != null) {
      assertThat(vector.lanes() * 32).isEqualTo(bits);
    }
  }

  @ParameterizedTest
  @MethodSource("problems")
  void append(Problem drawn) {
    Problem problem = drawn.fresh == null ? drawn.withFresh(33) : drawn;
    NewTokens fresh = Objects.requireNonNull(problem.fresh);
    PagedKv target = problem.target(2 * fresh.capacity() + 20);
    for (int row = 0; row < target.rows(); row++) {
      for (int list = 0; list < target.lists(); list++) {
        target
            .lengths()
            .setIntegerAt(target.lengths().offset(row, list), problem.random.nextInt(20));
      }
    }
    Append expected = new Append(fresh, target);
    Append actual = Copies.of(expected);
    for (int step = 0; step < 2; step++) {
      SCALAR.append(expected);
      tested().append(actual);
    }
    Bits.assertSamePages(actual.target(), target, special(problem), "target");
  }

  @ParameterizedTest
  @MethodSource("problems")
  void score(Problem problem) {
    Score expected = problem.score();
    Score actual = Copies.of(expected);
    SCALAR.score(expected);
    tested().score(actual);
    Bits.assertSameFloats(actual.scores(), expected.scores(), expected.scoring().toString());
  }

  @ParameterizedTest
  @MethodSource("problems")
  void select(Problem problem) {
    Score score = problem.score();
    SCALAR.score(score);
    int most = 16 + problem.random.nextInt(problem.mostTokens() + 4);
    Tensor capacity =
        problem.capacity(problem.random.nextBoolean() ? 1 : problem.heads, score.window(), most);
    int[][] lengths = new int[problem.rows][problem.heads];
    for (int row = 0; row < problem.rows; row++) {
      for (int head = 0; head < problem.heads; head++) {
        lengths[row][head] = problem.tokens(row, head);
      }
    }
    Select expected =
        new Select(
            score.scores(),
            problem.random.nextInt(3) == 0 ? null : problem.operands.ints(lengths),
            score.window(),
            capacity,
            problem.operands.result(DType.I32, problem.rows, problem.heads, most));
    Select actual = Copies.of(expected);
    SCALAR.select(expected);
    tested().select(actual);
    Bits.assertSameBytes(actual.indices(), expected.indices(), "indices");
  }

  /** Scores that tie, are NaN of any sign and payload, infinite, or zero of either sign. */
  @Test
  void selectOfScoresThatAreHardToOrder() {
    int[] hard = {
      0,
      1 << 31,
      0x7fc00000,
      0xffc00000,
      0x7f800001,
      0xffffffff,
      0x7f800000,
      0xff800000,
      1,
      0x3f800000
    };
    Random random = new Random(8);
    for (int tokens = 1; tokens < 200; tokens += 1 + random.nextInt(3)) {
      Operands operands = new Operands(random, true, Operands.Values.NORMAL);
      Tensor scores = operands.result(DType.F32, 1, 1, tokens);
      int kinds = 1 + random.nextInt(hard.length);
      for (int t = 0; t < tokens; t++) {
        int bits = hard[random.nextInt(kinds)];
        scores.setFloatAt(scores.offset(0, 0, t), Float.intBitsToFloat(bits));
      }
      Tensor window = operands.ints(new int[][] {{random.nextInt(tokens), -1}});
      int keep = 1 + random.nextInt(tokens);
      Tensor capacity = operands.ints(new int[][] {{keep}});
      Tensor indices = operands.result(DType.I32, 1, 1, keep);
      Select expected = new Select(scores, null, window, capacity, indices);
      Select actual = Copies.of(expected);
      SCALAR.select(expected);
      tested().select(actual);
      Bits.assertSameBytes(actual.indices(), expected.indices(), tokens + " tokens");
    }
  }

  @ParameterizedTest
  @MethodSource("problems")
  void compact(Problem problem) {
    Evict evict = problem.evict();
    SCALAR.evict(evict);
    Compact expected =
        new Compact(
            problem.history,
            problem.fresh,
            evict.indices(),
            problem.target((int) evict.indices().size(2)));
    Compact actual = Copies.of(expected);
    SCALAR.compact(expected);
    tested().compact(actual);
    Bits.assertSamePages(actual.target(), expected.target(), special(problem), "target");
  }

  @ParameterizedTest
  @MethodSource("problems")
  void evict(Problem problem) {
    Evict expected = problem.evict();
    Evict actual = Copies.of(expected);
    SCALAR.evict(expected);
    tested().evict(actual);
    Bits.assertSameFloats(actual.score().scores(), expected.score().scores(), "scores");
    Bits.assertSameBytes(actual.indices(), expected.indices(), "indices");
    Bits.assertSamePages(actual.target(), expected.target(), special(problem), "target");
  }
}
