package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What must not matter, does not: where tokens lie, in which order rows stand, and who composes.
 */
class MetamorphicTest {
  private static final int ROWS = 3;
  private static final int HEADS = 2;
  private static final int QUERIES = 5;
  private static final int HEAD_DIM = 40;

  static Stream<Arguments> cases() {
    return TestBackends.NAMES.stream()
        .flatMap(backend ->
            Stream.of(DType.F32, DType.BF16, DType.F16, DType.FP8_E4M3, DType.INT8)
                .map(dtype -> Arguments.of(backend, dtype)));
  }

  /** One batch of tokens, of which some are put into pages and the rest are left as new tokens. */
  private static final class Batch {
    final Operands operands = new Operands(new Random(11), false, Operands.Values.NORMAL);
    final Tensor k = operands.heads(DType.F32, false, ROWS, HEADS, 150, HEAD_DIM);
    final Tensor v = operands.heads(DType.F32, false, ROWS, HEADS, 150, HEAD_DIM);
    final Tensor q = operands.heads(DType.F32, false, ROWS, HEADS * 2, QUERIES, HEAD_DIM);
    final Tensor window = operands.ints(new int[][] {{0, 7, 120}, {99, -1, 3}, {64, 65, 66}});
    final Kernels kernels;

    Batch(String backend) {
      kernels = Backends.named(backend).kernels();
    }

    PagedKv pages(DType dtype, int pageTokens, boolean perHead, int tokens, Tensor k, Tensor v) {
      PageLayout layout = new PageLayout(dtype, pageTokens, perHead ? 1 : HEADS, HEAD_DIM);
      PagedKv pages = operands.empty(layout, ROWS, perHead ? HEADS : 1, 150);
      NewTokens history = new NewTokens(k.narrow(2, 0, tokens), v.narrow(2, 0, tokens));
      kernels.append(new Append(history, pages));
      return pages;
    }

    NewTokens rest(int from) {
      return new NewTokens(k.narrow(2, from, 150 - from), v.narrow(2, from, 150 - from));
    }

    Evict evict(
        Scoring.Mode mode,
        @Nullable PagedKv history,
        @Nullable NewTokens fresh,
        Tensor q,
        Tensor window,
        PagedKv target) {
      Scoring scoring = new Scoring(mode, 0.2f, Mask.NONE, Scoring.Pooling.MAX, 5);
      Tensor scores = operands.result(DType.F32, ROWS, HEADS, 150);
      int lists = target.lists();
      int[][] capacity =
          IntStream.range(0, ROWS)
              .mapToObj(row -> IntStream.generate(() -> 61).limit(lists).toArray())
              .toArray(int[][]::new);
      Evict op =
          new Evict(
              new Score(q, null, history, fresh, window, scoring, scores),
              operands.ints(capacity),
              operands.result(DType.I32, ROWS, HEADS, 61),
              target);
      kernels.evict(op);
      return op;
    }
  }

  private static void assertSameSurvivors(Evict actual, Evict expected) {
    Bits.assertSameFloats(actual.score().scores(), expected.score().scores(), "scores");
    Bits.assertSameBytes(actual.indices(), expected.indices(), "indices");
    assertSameTokens(actual.target(), expected.target());
  }

  private static void assertSameTokens(PagedKv actual, PagedKv expected) {
    for (int row = 0; row < ROWS; row++) {
      for (int head = 0; head < HEADS; head++) {
        for (boolean value : new boolean[] {false, true}) {
          assertThat(PageReader.tokens(actual, null, value, row, head))
              .isDeepEqualTo(PageReader.tokens(expected, null, value, row, head));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void pageSizeAndListsChangeNothing(String backend, DType dtype) {
    Batch batch = new Batch(backend);
    for (Scoring.Mode mode : Scoring.Mode.values()) {
      @Nullable Evict first = null;
      for (int pageTokens = 16; pageTokens <= 128; pageTokens *= 2) {
        for (boolean perHead : new boolean[] {false, true}) {
          PagedKv history = batch.pages(dtype, pageTokens, perHead, 101, batch.k, batch.v);
          PageLayout layout = new PageLayout(dtype, pageTokens < 64 ? 64 : 16, HEADS, HEAD_DIM);
          PagedKv target = batch.operands.empty(layout, ROWS, 1, 61);
          Evict op = batch.evict(mode, history, batch.rest(101), batch.q, batch.window, target);
          first = first == null ? op : first;
          assertSameSurvivors(op, first);
        }
      }
    }
  }

  /** F32 pages hold F32 tokens exactly, so it is the same whether a token is in them yet. */
  @ParameterizedTest
  @MethodSource("cases")
  void whereHistoryEndsChangesNothing(String backend, DType dtype) {
    Batch batch = new Batch(backend);
    PageLayout layout = new PageLayout(dtype, 32, 1, HEAD_DIM);
    @Nullable Evict first = null;
    for (int tokens : new int[] {1, 16, 33, 149, 150}) {
      PagedKv history = batch.pages(DType.F32, 32, false, tokens, batch.k, batch.v);
      NewTokens fresh = tokens == 150 ? null : batch.rest(tokens);
      PagedKv target = batch.operands.empty(layout, ROWS, HEADS, 61);
      Evict op = batch.evict(Scoring.Mode.SOFTMAX, history, fresh, batch.q, batch.window, target);
      first = first == null ? op : first;
      assertSameSurvivors(op, first);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theOrderOfRowsChangesNothing(String backend, DType dtype) {
    Batch batch = new Batch(backend);
    PageLayout layout = new PageLayout(dtype, 16, HEADS, HEAD_DIM);
    PagedKv history = batch.pages(dtype, 16, false, 150, batch.k, batch.v);
    PagedKv target = batch.operands.empty(layout, ROWS, 1, 61);
    Evict op = batch.evict(Scoring.Mode.SOFTMAX, history, null, batch.q, batch.window, target);
    int[] order = {2, 0, 1};
    Tensor q = rows(batch, batch.q, order);
    PagedKv reordered =
        batch.pages(
            dtype, 16, false, 150, rows(batch, batch.k, order), rows(batch, batch.v, order));
    Tensor window = batch.operands.ints(new int[][] {{64, 65, 66}, {0, 7, 120}, {99, -1, 3}});
    PagedKv otherTarget = batch.operands.empty(layout, ROWS, 1, 61);
    Evict other = batch.evict(Scoring.Mode.SOFTMAX, reordered, null, q, window, otherTarget);
    for (int row = 0; row < ROWS; row++) {
      Bits.assertSameFloats(
          other.score().scores().narrow(0, row, 1),
          op.score().scores().narrow(0, order[row], 1),
          "scores");
      for (int head = 0; head < HEADS; head++) {
        assertThat(PageReader.tokens(otherTarget, null, true, row, head))
            .isDeepEqualTo(PageReader.tokens(target, null, true, order[row], head));
      }
    }
  }

  private static Tensor rows(Batch batch, Tensor tensor, int[] order) {
    Tensor copy =
        batch.operands.heads(
            DType.F32, false, ROWS, (int) tensor.size(1), (int) tensor.size(2), HEAD_DIM);
    for (int row = 0; row < ROWS; row++) {
      for (int head = 0; head < tensor.size(1); head++) {
        for (int t = 0; t < tensor.size(2); t++) {
          for (int d = 0; d < HEAD_DIM; d++) {
            copy.setFloatAt(
                copy.offset(row, head, t, d),
                tensor.floatAt(tensor.offset(order[row], head, t, d)));
          }
        }
      }
    }
    return copy;
  }

  static List<String> backends() {
    return TestBackends.NAMES;
  }

  @ParameterizedTest
  @MethodSource("backends")
  void evictIsScoreThenSelectThenCompact(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    Problem.all(40)
        .forEach(problem -> {
          Evict whole = problem.evict();
          Evict parts = Copies.of(whole);
          kernels.evict(whole);
          kernels.score(parts.score());
          kernels.select(
              new Select(
                  parts.score().scores(),
                  lengths(problem),
                  parts.score().window(),
                  parts.capacity(),
                  parts.indices()));
          kernels.compact(
              new Compact(problem.history, problem.fresh, parts.indices(), parts.target()));
          Bits.assertSameFloats(parts.score().scores(), whole.score().scores(), problem.toString());
          Bits.assertSameBytes(parts.indices(), whole.indices(), problem.toString());
          boolean special = problem.values == Operands.Values.SPECIAL;
          Bits.assertSamePages(parts.target(), whole.target(), special, problem.toString());
        });
  }

  private static Tensor lengths(Problem problem) {
    int[][] lengths = new int[problem.rows][problem.heads];
    for (int row = 0; row < problem.rows; row++) {
      for (int head = 0; head < problem.heads; head++) {
        lengths[row][head] = problem.tokens(row, head);
      }
    }
    return problem.operands.ints(lengths);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void survivorsMayGoToOtherPagesOfTheSameSlab(String backend, DType dtype) {
    Batch batch = new Batch(backend);
    PagedKv history = batch.pages(dtype, 16, true, 101, batch.k, batch.v);
    PagedKv apart = batch.operands.empty(new PageLayout(dtype, 16, 1, HEAD_DIM), ROWS, HEADS, 61);
    Evict expected =
        batch.evict(Scoring.Mode.RAW, history, batch.rest(101), batch.q, batch.window, apart);
    PagedKv roomy =
        batch.operands.empty(new PageLayout(dtype, 16, 1, HEAD_DIM), ROWS, 2 * HEADS, 150);
    // The first lists of each row of a larger table become the source, the others the target.
    Tensor sourceTable = Copies.of(history.table());
    Tensor targetTable = batch.operands.result(DType.I32, ROWS, HEADS, 4);
    for (int row = 0; row < ROWS; row++) {
      for (int list = 0; list < HEADS; list++) {
        for (int i = 0; i < sourceTable.size(2); i++) {
          sourceTable.setIntegerAt(
              sourceTable.offset(row, list, i),
              roomy.table().integerAt(roomy.table().offset(row, list, i)));
        }
        for (int i = 0; i < 4; i++) {
          targetTable.setIntegerAt(
              targetTable.offset(row, list, i),
              roomy.table().integerAt(roomy.table().offset(row, HEADS + list, i)));
        }
      }
    }
    PagedKv source =
        new PagedKv(
            roomy.layout(),
            roomy.slab(),
            roomy.pages(),
            sourceTable,
            batch.operands.ints(new int[ROWS][HEADS]));
    batch.kernels.append(
        new Append(new NewTokens(batch.k.narrow(2, 0, 101), batch.v.narrow(2, 0, 101)), source));
    PagedKv target =
        new PagedKv(
            roomy.layout(),
            roomy.slab(),
            roomy.pages(),
            targetTable,
            batch.operands.ints(new int[ROWS][HEADS]));
    Evict actual =
        batch.evict(Scoring.Mode.RAW, source, batch.rest(101), batch.q, batch.window, target);
    assertSameSurvivors(actual, expected);
    assertSameTokens(source, history);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void paddingIsNeverRead(String backend, DType dtype) {
    Batch batch = new Batch(backend);
    PagedKv history = batch.pages(dtype, 64, false, 101, batch.k, batch.v);
    Tensor q = batch.q;
    int[] lengths = {3, 0, 49};
    NewTokens padded =
        new NewTokens(
            Copies.of(batch.k).narrow(2, 101, 49),
            Copies.of(batch.v).narrow(2, 101, 49),
            batch.operands.ints(lengths));
    Attend op = attend(batch, q, history, padded);
    batch.kernels.attend(op);
    for (int row = 0; row < ROWS; row++) {
      for (int t = lengths[row]; t < 49; t++) {
        for (int head = 0; head < HEADS; head++) {
          for (int d = 0; d < HEAD_DIM; d++) {
            padded.k().setFloatAt(padded.k().offset(row, head, t, d), Float.NaN);
            padded.values().setFloatAt(padded.values().offset(row, head, t, d), Float.NaN);
          }
        }
      }
    }
    Attend poisoned = attend(batch, q, history, padded);
    batch.kernels.attend(poisoned);
    Bits.assertSameFloats(poisoned.out(), op.out(), "out");
    Bits.assertSameFloats(
        Objects.requireNonNull(poisoned.lse()), Objects.requireNonNull(op.lse()), "lse");
    assertThat(op.out().floatAt(0)).isFinite();
  }

  private static Attend attend(Batch batch, Tensor q, PagedKv history, NewTokens fresh) {
    return new Attend(
        q,
        null,
        history,
        fresh,
        Mask.NONE,
        null,
        0.2f,
        batch.operands.result(DType.F32, q.shape()),
        batch.operands.result(DType.F32, ROWS, HEADS * 2, QUERIES));
  }
}
