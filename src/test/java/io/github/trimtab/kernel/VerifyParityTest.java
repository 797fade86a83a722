package io.github.trimtab.kernel;

import io.github.trimtab.Backends;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vector backend takes the scalar backend's decisions at whatever width is forced. */
@Tag("parity")
class VerifyParityTest {
  private static final int[] VOCABULARIES = {1, 2, 31, 255, 256, 257, 700, 1543, 5000};

  /** The operations that are compared with the oracle's. */
  Kernels tested() {
    return Backends.named("vector").kernels();
  }

  private void same(VerifyOperands.Rows rows, Function<VerifyOperands, Verify> problem) {
    for (int seed = 0; seed < 60; seed++) {
      Verify expected = problem.apply(new VerifyOperands(seed, rows));
      Verify actual = VerifyOperands.copy(expected);
      Backends.named("scalar").kernels().verify(expected);
      tested().verify(actual);
      Bits.assertSameBytes(actual.emitted(), expected.emitted(), "emitted, seed " + seed);
      Bits.assertSameBytes(actual.accepted(), expected.accepted(), "accepted, seed " + seed);
    }
  }

  private static int vocabulary(VerifyOperands operands) {
    return VOCABULARIES[operands.random.nextInt(VOCABULARIES.length)];
  }

  private static int kept(VerifyOperands operands, int vocabulary) {
    return 1 + operands.random.nextInt(vocabulary);
  }

  @ParameterizedTest
  @EnumSource
  void chain(VerifyOperands.Rows rows) {
    same(
        rows,
        operands -> {
          int vocabulary = vocabulary(operands);
          int drafted = operands.random.nextInt(5);
          return operands.chain(3, drafted, vocabulary, kept(operands, vocabulary));
        });
  }

  @ParameterizedTest
  @EnumSource
  void greedy(VerifyOperands.Rows rows) {
    same(rows, operands -> operands.greedy(3, operands.random.nextInt(5), vocabulary(operands)));
  }

  @ParameterizedTest
  @EnumSource
  void tree(VerifyOperands.Rows rows) {
    same(
        rows,
        operands -> {
          int vocabulary = vocabulary(operands);
          return operands.tree(2, Math.min(operands.random.nextInt(12), vocabulary), vocabulary);
        });
  }

  @ParameterizedTest
  @EnumSource
  void multiRound(VerifyOperands.Rows rows) {
    same(
        rows,
        operands -> {
          int vocabulary = vocabulary(operands);
          return operands.multiRound(
              3, operands.random.nextInt(6), vocabulary, kept(operands, vocabulary));
        });
  }
}
