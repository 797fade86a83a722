package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What the operations' constructors refuse: everything that can be known before a buffer is read.
 */
class OperationTest {
  private final Operands operands = new Operands(new Random(1), false, Operands.Values.NORMAL);
  private final PageLayout layout = new PageLayout(DType.F32, 16, 2, 8);
  private final PagedKv history = operands.empty(layout, 3, 1, 40);
  private final PagedKv target = operands.empty(layout, 3, 1, 20);
  private final Tensor k = heads(3, 2, 5, 8);
  private final Tensor v = heads(3, 2, 5, 8);
  private final NewTokens fresh = new NewTokens(k, v);
  private final Tensor q = heads(3, 4, 5, 8);
  private final Tensor scores = operands.result(DType.F32, 3, 2, 50);
  private final Tensor out = operands.result(DType.F32, 3, 4, 5, 8);
  private final Tensor indices = operands.result(DType.I32, 3, 2, 20);
  private final Tensor capacity = operands.ints(new int[3][1]);
  private final Scoring scoring = Scoring.official(1);

  private Tensor heads(int rows, int heads, int tokens, int headDim) {
    return operands.heads(DType.F32, false, rows, heads, tokens, headDim);
  }

  private static void refused(String message, ThrowingCallable making) {
    assertThatIllegalArgumentException()
        .isThrownBy(making)
        .withMessageContaining(message)
        .withMessageContaining(", expected ");
  }

  @Test
  void newTokens() {
    refused("k: F32[3, 2, 5, 12]", () -> new NewTokens(heads(3, 2, 5, 12), null, null));
    refused("k: F32[3, 2, 5, 264]", () -> new NewTokens(heads(3, 2, 5, 264), null, null));
    refused("k: F32[3, 0, 5, 8]", () -> new NewTokens(heads(3, 0, 5, 8), null, null));
    refused("k: I32", () -> new NewTokens(operands.result(DType.I32, 3, 2, 5, 8), null, null));
    refused("4 dimensions", () -> new NewTokens(operands.result(DType.F32, 3, 5, 8), null, null));
    refused(
        "stride 1 along", () -> new NewTokens(heads(3, 2, 8, 8).permute(0, 1, 3, 2), null, null));
    refused("v: F32[3, 2, 4, 8]", () -> new NewTokens(k, heads(3, 2, 4, 8)));
    Tensor half = operands.heads(DType.F16, false, 3, 2, 5, 8);
    refused("v: F16", () -> new NewTokens(k, half));
    refused("lengths: I32[2]", () -> new NewTokens(k, v, operands.ints(1, 1)));
    refused("lengths: F32", () -> new NewTokens(k, v, operands.result(DType.F32, 3)));
    Tensor away =
        Tensor.strided(
            DType.F32,
            Buffer.ofDevicePointer(0, 64, 4096),
            0,
            k.shape(),
            new long[] {80, 40, 8, 1});
    refused("v: F32[3, 2, 5, 8] on cuda:0", () -> new NewTokens(k, away));
  }

  private PagedKv paged(PageLayout layout, Buffer slab, int pages, Tensor table, Tensor lengths) {
    return new PagedKv(layout, slab, pages, table, lengths);
  }

  @Test
  void pagedKv() {
    Buffer slab = operands.buffer(4 * layout.pageBytes());
    Tensor table = operands.result(DType.I32, 3, 1, 2);
    Tensor lengths = operands.result(DType.I32, 3, 1);
    refused("pages: -1", () -> paged(layout, slab, -1, table, lengths));
    refused("pages: 5", () -> paged(layout, slab, 5, table, lengths));
    refused("pages: 2147483647", () -> paged(layout, slab, Integer.MAX_VALUE, table, lengths));
    refused(
        "table: I64", () -> paged(layout, slab, 4, operands.result(DType.I64, 3, 1, 2), lengths));
    refused(
        "3 dimensions", () -> paged(layout, slab, 4, operands.result(DType.I32, 3, 2), lengths));
    refused(
        "one list a row",
        () -> paged(layout, slab, 4, operands.result(DType.I32, 3, 2, 2), lengths));
    refused("lengths: I32[3]", () -> paged(layout, slab, 4, table, operands.ints(0, 0, 0)));
    Tensor inSlab = Tensor.of(DType.I32, slab, 3, 1);
    refused("lengths: I32[3, 1]", () -> paged(layout, slab, 4, table, inSlab));
    Tensor inTable = Tensor.of(DType.I32, table.buffer(), 3, 1);
    refused("lengths: I32[3, 1]", () -> paged(layout, slab, 4, table, inTable));
    Tensor endless =
        Tensor.strided(DType.I32, table.buffer(), 0, new long[] {3, 1, 1L << 30}, new long[3]);
    refused("fewer than 2^31 tokens", () -> paged(layout, slab, 4, endless, lengths));
  }

  @Test
  void append() {
    refused("fresh.v: null", () -> new Append(new NewTokens(k, null, null), target));
    refused("fresh: F32[3, 1, 5, 8]", () -> new Append(one(heads(3, 1, 5, 8)), target));
    refused("fresh: F32[2, 2, 5, 8]", () -> new Append(one(heads(2, 2, 5, 8)), target));
    refused("fresh: F32[3, 2, 5, 16]", () -> new Append(one(heads(3, 2, 5, 16)), target));
    Tensor inSlab = Tensor.of(DType.F32, target.slab(), 3, 2, 5, 8);
    refused("memory apart", () -> new Append(new NewTokens(inSlab, v), target));
    refused("memory apart", () -> new Append(new NewTokens(k, inSlab), target));
    Tensor inLengths = Tensor.of(DType.I32, target.lengths().buffer(), 3);
    refused("memory apart", () -> new Append(new NewTokens(k, v, inLengths), target));
    Tensor once = Tensor.strided(DType.I32, operands.buffer(4), 0, new long[] {3, 1}, new long[2]);
    PagedKv spread = paged(layout, target.slab(), target.pages(), target.table(), once);
    refused("target.lengths: stride 0 of dimension 0", () -> new Append(fresh, spread));
    PagedKv mapped =
        paged(layout, readOnly(target.slab()), target.pages(), target.table(), target.lengths());
    refused("memory that may be written", () -> new Append(fresh, mapped));
  }

  private static Buffer readOnly(Buffer buffer) {
    return Buffer.wrap(buffer.segment().asReadOnly());
  }

  /** Strides of a result that give two elements one place, and such that do not. */
  @Test
  void resultsHaveNoElementTwice() {
    Buffer buffer = operands.buffer(4 * 3 * 2 * 60);
    refused(
        "indices: stride 19 of dimension 1, expected more than 19, which smaller strides reach",
        () -> selectInto(buffer, 40, 19));
    refused(
        "indices: stride 39 of dimension 0, expected more than 39",
        () -> selectInto(buffer, 39, 20));
    refused("indices: stride 40 of dimension 1", () -> selectInto(buffer, 40, 40));
    refused("indices: stride 0 of dimension 0", () -> selectInto(buffer, 0, 20));
    refused("indices: stride 59 of dimension 1", () -> selectInto(buffer, 20, 59));
    // Rows inside heads, and gaps.
    assertThat(selectInto(buffer, 20, 60).indices().stride(1)).isEqualTo(60);
    assertThat(selectInto(buffer, 50, 22).indices().stride(1)).isEqualTo(22);
    // What is read may repeat.
    Tensor same = Tensor.strided(DType.F32, buffer, 0, new long[] {3, 2, 50}, new long[] {0, 0, 1});
    assertThat(new Select(same, null, null, capacity, indices).scores()).isEqualTo(same);
    // Where there is no element, none is there twice.
    Tensor none = Tensor.strided(DType.I32, buffer, 0, new long[] {3, 2, 0}, new long[] {0, 0, 1});
    assertThat(new Select(scores, null, null, capacity, none).indices()).isEqualTo(none);
  }

  private Select selectInto(Buffer buffer, long rowStride, long headStride) {
    return new Select(
        scores,
        null,
        null,
        capacity,
        Tensor.strided(
            DType.I32, buffer, 0, new long[] {3, 2, 20}, new long[] {rowStride, headStride, 1}));
  }

  @Test
  void resultsMayBeWritten() {
    Tensor fixed = Tensor.of(DType.F32, readOnly(scores.buffer()), scores.shape());
    refused("scores: Buffer", () -> score(q, null, history, fresh, null, fixed));
    assertThat(new Select(fixed, null, null, capacity, indices).scores()).isEqualTo(fixed);
    Tensor chosen = Tensor.of(DType.I32, readOnly(indices.buffer()), indices.shape());
    refused("indices: Buffer", () -> new Select(scores, null, null, capacity, chosen));
    assertThat(new Compact(history, null, chosen, target).indices()).isEqualTo(chosen);
    PagedKv slab =
        paged(layout, readOnly(target.slab()), target.pages(), target.table(), target.lengths());
    refused("target.slab: Buffer", () -> new Compact(history, null, indices, slab));
    Tensor counts = Tensor.of(DType.I32, readOnly(target.lengths().buffer()), 3, 1);
    PagedKv lengths = paged(layout, target.slab(), target.pages(), target.table(), counts);
    refused("target.lengths: Buffer", () -> new Compact(history, null, indices, lengths));
    WeightRows rows = WeightRows.allocate(DType.INT8, 4, 64, 64, Buffer::allocate);
    WeightRows mapped =
        new WeightRows(
            DType.INT8,
            Tensor.of(DType.INT8, readOnly(rows.codes().buffer()), 4, 64),
            rows.scales());
    Tensor weight = operands.result(DType.F32, 4, 64);
    refused("rows.codes: Buffer", () -> new Quantize(weight, mapped));
  }

  private static NewTokens one(Tensor both) {
    return new NewTokens(both, both);
  }

  private Score score(
      Tensor q,
      @Nullable Tensor queryRows,
      @Nullable PagedKv history,
      @Nullable NewTokens fresh,
      @Nullable Tensor window,
      Tensor scores) {
    return new Score(q, queryRows, history, fresh, window, scoring, scores);
  }

  @Test
  void score() {
    refused("at least one source", () -> score(q, null, null, null, null, scores));
    refused(
        "q: F32[3, 3, 5, 8]", () -> score(heads(3, 3, 5, 8), null, history, fresh, null, scores));
    refused(
        "q: F32[2, 4, 5, 8]", () -> score(heads(2, 4, 5, 8), null, history, null, null, scores));
    refused(
        "q: F32[3, 4, 5, 16]", () -> score(heads(3, 4, 5, 16), null, null, fresh, null, scores));
    refused("fresh: F32[3, 4, 5, 8]", () -> score(q, null, history, one(q), null, scores));
    Tensor tooFew = operands.ints(new int[2][4]);
    refused("window: I32[2, 4]", () -> score(q, null, history, fresh, tooFew, scores));
    refused("queryRows: I32[2, 4]", () -> score(q, tooFew, history, fresh, null, scores));
    refused(
        "scores: F32[3, 4, 50]",
        () -> score(q, null, history, fresh, null, operands.result(DType.F32, 3, 4, 50)));
    refused(
        "scores: F16",
        () -> score(q, null, history, fresh, null, operands.result(DType.F16, 3, 2, 50)));
    Tensor inQuery = Tensor.of(DType.F32, q.buffer(), 3, 2, 50);
    refused("scores: F32[3, 2, 50]", () -> score(q, null, history, fresh, null, inQuery));
    Tensor inSlab = Tensor.of(DType.F32, history.slab(), 3, 2, 50);
    refused("apart from the pages", () -> score(q, null, history, fresh, null, inSlab));
    refused("scale: NaN", () -> Scoring.official(Float.NaN));
    refused(
        "poolWidth: 4", () -> new Scoring(Scoring.Mode.RAW, 1, Mask.NONE, Scoring.Pooling.MAX, 4));
    refused(
        "mask: CAUSAL",
        () -> new Scoring(Scoring.Mode.RAW, 1, Mask.CAUSAL, Scoring.Pooling.MAX, 5));
    refused(
        "mask: TREE",
        () -> new Scoring(Scoring.Mode.SOFTMAX, 1, Mask.TREE, Scoring.Pooling.MAX, 5));
  }

  @Test
  void select() {
    refused(
        "scores: F32[3, 50]",
        () -> new Select(operands.result(DType.F32, 3, 50), null, null, capacity, indices));
    refused(
        "lengths: I32[2]", () -> new Select(scores, operands.ints(1, 1), null, capacity, indices));
    refused("lengths: I32[3, 1]", () -> new Select(scores, capacity, null, capacity, indices));
    refused(
        "window: I32[2, 1]",
        () -> new Select(scores, null, operands.ints(new int[2][1]), capacity, indices));
    refused(
        "capacity: I32[3, 3]",
        () -> new Select(scores, null, null, operands.ints(new int[3][3]), indices));
    refused(
        "indices: I32[3, 1, 20]",
        () -> new Select(scores, null, null, capacity, operands.result(DType.I32, 3, 1, 20)));
    refused(
        "indices: I64",
        () -> new Select(scores, null, null, capacity, operands.result(DType.I64, 3, 2, 20)));
    Tensor inScores = Tensor.of(DType.I32, scores.buffer(), 3, 2, 20);
    refused("indices: I32[3, 2, 20]", () -> new Select(scores, null, null, capacity, inScores));
    for (int dim = 0; dim < 3; dim++) {
      long[] shape = {3, 2, 50};
      shape[dim] = 1L << 31;
      Buffer wide = Buffer.ofDevicePointer(0, 64, 1L << 40);
      Tensor many = Tensor.strided(DType.F32, wide, 0, shape, new long[] {0, 0, 1});
      refused(
          "scores: F32" + Arrays.toString(shape) + " on cuda:0, expected sizes below 2^31",
          () -> new Select(many, null, null, capacity, indices));
    }
    Tensor endless =
        Tensor.strided(DType.I32, operands.buffer(4), 0, new long[] {3, 1L << 31}, new long[2]);
    refused(
        "window: I32[3, 2147483648]", () -> new Select(scores, null, endless, capacity, indices));
  }

  @Test
  void compactAndEvict() {
    Score score = score(q, null, history, fresh, null, scores);
    refused("at least one source", () -> new Compact(null, null, indices, target));
    refused(
        "fresh.v: null", () -> new Compact(null, new NewTokens(k, null, null), indices, target));
    PagedKv narrow = operands.empty(new PageLayout(DType.F32, 16, 1, 8), 3, 1, 20);
    refused("target", () -> new Compact(history, null, indices, narrow));
    refused("memory apart", () -> new Compact(history, null, indices, history));
    PagedKv sameTable =
        paged(layout, target.slab(), target.pages(), history.table(), operands.ints(new int[3][1]));
    refused("memory apart", () -> new Compact(history, null, indices, sameTable));
    Buffer shifted = Buffer.wrap(history.slab().segment().asSlice(layout.pageBytes()));
    PagedKv overlapping = paged(layout, shifted, 2, target.table(), target.lengths());
    refused("target.slab", () -> new Compact(history, null, indices, overlapping));
    PageLayout other = new PageLayout(DType.BF16, 16, 2, 8);
    PagedKv otherPages = paged(other, history.slab(), 2, target.table(), target.lengths());
    refused("target.slab", () -> new Compact(history, null, indices, otherPages));
    Tensor inTarget = Tensor.of(DType.I32, target.slab(), 3, 2, 20);
    refused("indices", () -> new Compact(history, null, inTarget, target));
    refused(
        "capacity: I32[3, 2]",
        () -> new Evict(score, operands.ints(new int[3][2]), indices, target));
    refused("indices", () -> new Evict(score, capacity, inTarget, target));
    Tensor inScores = Tensor.of(DType.I32, scores.buffer(), 3, 2, 20);
    refused("indices", () -> new Evict(score, capacity, inScores, target));
  }

  private Attend attend(
      Tensor q, @Nullable NewTokens fresh, Mask mask, @Nullable Tensor parents, Tensor out) {
    return new Attend(q, null, history, fresh, mask, parents, 1, out, null);
  }

  @Test
  void attend() {
    refused(
        "out: F32[3, 4, 4, 8]",
        () -> attend(q, fresh, Mask.NONE, null, operands.result(DType.F32, 3, 4, 4, 8)));
    refused("out: F32[3, 4, 5, 8]", () -> attend(q, fresh, Mask.NONE, null, q));
    refused("mask: CAUSAL", () -> attend(q, null, Mask.CAUSAL, null, out));
    refused("mask: CAUSAL", () -> attend(q, one(heads(3, 2, 6, 8)), Mask.CAUSAL, null, out));
    refused("parents: null", () -> attend(q, fresh, Mask.TREE, null, out));
    Tensor parents = operands.ints(new int[3][5]);
    refused("parents: I32[3, 5]", () -> attend(q, fresh, Mask.CAUSAL, parents, out));
    refused("parents: I32[3, 1]", () -> attend(q, fresh, Mask.TREE, capacity, out));
    Tensor q65 = heads(3, 4, 65, 8);
    refused(
        "at most 64 queries",
        () ->
            attend(
                q65,
                one(heads(3, 2, 65, 8)),
                Mask.TREE,
                operands.ints(new int[3][65]),
                operands.result(DType.F32, q65.shape())));
    refused("fresh.v: null", () -> attend(q, new NewTokens(k, null, null), Mask.NONE, null, out));
    refused(
        "queryLengths: I32[2]",
        () -> new Attend(q, operands.ints(1, 1), history, fresh, Mask.NONE, null, 1, out, null));
    refused(
        "scale: Infinity",
        () ->
            new Attend(
                q, null, history, fresh, Mask.NONE, null, Float.POSITIVE_INFINITY, out, null));
    Tensor lse = operands.result(DType.F32, 3, 4, 4);
    refused(
        "lse: F32[3, 4, 4]",
        () -> new Attend(q, null, history, fresh, Mask.NONE, null, 1, out, lse));
    Tensor inOut = Tensor.of(DType.F32, out.buffer(), 3, 4, 5);
    refused(
        "memory apart", () -> new Attend(q, null, history, fresh, Mask.NONE, null, 1, out, inOut));
  }
}
