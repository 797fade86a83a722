package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad column sums and selectivities: what constructors refuse, and what backends do. */
class SoftmaxInputTest {
  private final Operands operands = new Operands(new Random(3), false, Operands.Values.NORMAL);
  private final PageLayout layout = new PageLayout(DType.F32, 16, 1, 8);
  private final PagedKv history = operands.filled(layout, new int[][] {{20, 20}, {20, 20}});
  private final Tensor k = operands.heads(DType.F32, false, 2, 2, 5, 8);
  private final Tensor newLengths = operands.ints(5, 3);
  private final NewTokens fresh = new NewTokens(k, null, newLengths);
  private final Tensor q = operands.heads(DType.F32, false, 2, 4, 5, 8);
  private final Tensor queryLengths = operands.ints(5, 3);
  private final Tensor sums = operands.result(DType.F32, 2, 2, 25);
  private final Tensor index = operands.result(DType.F32, 3);

  static List<String> backends() {
    return TestBackends.NAMES;
  }

  private ColumnSums columnSums(Tensor q, Mask mask, float scale, Tensor sums) {
    return new ColumnSums(q, queryLengths, history, fresh, mask, scale, sums);
  }

  private Selectivity selectivity(int top, float scale, Tensor index) {
    return new Selectivity(q, queryLengths, history, fresh, top, scale, index);
  }

  private static void refused(String message, Runnable making) {
    assertThatIllegalArgumentException()
        .isThrownBy(making::run)
        .withMessageContaining(message)
        .withMessageContaining(", expected ");
  }

  @Test
  void constructorsRefuse() {
    refused("mask: TREE", () -> columnSums(q, Mask.TREE, 1, sums));
    refused("scale: NaN", () -> columnSums(q, Mask.NONE, Float.NaN, sums));
    Tensor threeHeads = operands.heads(DType.F32, false, 2, 3, 5, 8);
    refused("q: F32[2, 3, 5, 8]", () -> columnSums(threeHeads, Mask.NONE, 1, sums));
    Tensor wide = operands.heads(DType.F32, false, 2, 4, 5, 16);
    refused("head dim 8 as history has", () -> columnSums(wide, Mask.NONE, 1, sums));
    Tensor queryHeads = operands.result(DType.F32, 2, 4, 25);
    refused("sums: F32[2, 4, 25]", () -> columnSums(q, Mask.NONE, 1, queryHeads));
    refused("sums: F32[2, 4, 5, 8]", () -> columnSums(q, Mask.NONE, 1, q));
    Tensor half = operands.result(DType.F16, 2, 2, 25);
    refused("sums: F16", () -> columnSums(q, Mask.NONE, 1, half));
    refused(
        "sums: F32[2, 2, 5]",
        () -> columnSums(q, Mask.NONE, 1, Tensor.of(DType.F32, k.buffer(), 2, 2, 5)));
    refused("history, fresh: null", () -> new ColumnSums(q, null, null, null, Mask.NONE, 1, sums));
    Tensor three = operands.ints(1, 1, 1);
    refused(
        "queryLengths: I32[3]", () -> new ColumnSums(q, three, history, fresh, Mask.NONE, 1, sums));
    refused("top: 0", () -> selectivity(0, 1, index));
    refused("scale: Infinity", () -> selectivity(1, Float.POSITIVE_INFINITY, index));
    refused("index: F32[2]", () -> selectivity(1, 1, operands.result(DType.F32, 2)));
    refused("index: I32[3]", () -> selectivity(1, 1, operands.result(DType.I32, 3)));
    refused("index: F32[3]", () -> selectivity(1, 1, Tensor.of(DType.F32, q.buffer(), 3)));
    Tensor many =
        Tensor.strided(
            DType.F32, q.buffer(), 0, new long[] {2, 4, 1L << 26, 8}, new long[] {0, 0, 0, 1});
    refused("at most 2^28 queries", () -> new Selectivity(many, null, history, fresh, 1, 1, index));
  }

  /** Sets one element, expects both operations to refuse it by name, and puts it back. */
  private void refuses(Kernels kernels, Tensor tensor, long offset, int value, String message) {
    int before = (int) tensor.integerAt(offset);
    tensor.setIntegerAt(offset, value);
    byte[] oldSums = Bits.bytes(sums);
    byte[] oldIndex = Bits.bytes(index);
    refused("ColumnSums: " + message, () -> kernels.columnSums(columnSums(q, Mask.NONE, 1, sums)));
    refused("Selectivity: " + message, () -> kernels.selectivity(selectivity(2, 1, index)));
    assertThat(Bits.bytes(sums)).isEqualTo(oldSums);
    assertThat(Bits.bytes(index)).isEqualTo(oldIndex);
    tensor.setIntegerAt(offset, before);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void backendsRefuseWhatBuffersHold(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Tensor lengths = history.lengths();
    Tensor table = history.table();
    refuses(kernels, lengths, lengths.offset(0, 1), 33, "history.lengths[0, 1]: 33");
    refuses(kernels, lengths, lengths.offset(1, 0), -1, "history.lengths[1, 0]: -1");
    refuses(kernels, table, table.offset(1, 1, 1), -1, "history.table[1, 1, 1]: -1");
    refuses(
        kernels,
        table,
        table.offset(0, 0, 0),
        history.pages(),
        "history.table[0, 0, 0]: " + history.pages());
    refuses(kernels, newLengths, newLengths.offset(0), 6, "fresh.lengths[0]: 6");
    refuses(kernels, queryLengths, queryLengths.offset(1), 6, "queryLengths[1]: 6");
    refuses(kernels, queryLengths, queryLengths.offset(0), -1, "queryLengths[0]: -1");
    Tensor few = operands.result(DType.F32, 2, 2, 24);
    refused(
        "ColumnSums: history.lengths[0, 0]: 25, expected with the new tokens at most the 24",
        () -> kernels.columnSums(columnSums(q, Mask.NONE, 1, few)));
    kernels.columnSums(columnSums(q, Mask.CAUSAL, 1, sums));
    kernels.selectivity(selectivity(2, 1, index));
    assertThat(index.floatAt(index.offset(0))).isBetween(0f, 1f);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void closedBuffers(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Tensor own = Tensor.allocate(DType.F32, 3);
    Selectivity op = selectivity(2, 1, own);
    kernels.selectivity(op);
    own.buffer().close();
    assertThatIllegalStateException()
        .isThrownBy(() -> kernels.selectivity(op))
        .withMessage("Selectivity: index is closed");
    Tensor result = Tensor.allocate(DType.F32, 2, 2, 25);
    ColumnSums columns = columnSums(q, Mask.NONE, 1, result);
    result.buffer().close();
    assertThatIllegalStateException()
        .isThrownBy(() -> kernels.columnSums(columns))
        .withMessage("ColumnSums: sums is closed");
  }
}
