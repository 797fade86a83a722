package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** FP8 and INT8 pages under the operations that read and thin them out. */
class QuantizedPagesTest {
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 40;
  private static final int TOKENS = 83;
  private static final int NEW = 9;

  private final Operands operands = new Operands(new Random(6), false, Operands.Values.NORMAL);
  private final Tensor q = operands.heads(DType.BF16, false, 1, 2 * HEADS, NEW, HEAD_DIM);
  private final NewTokens fresh =
      new NewTokens(
          operands.heads(DType.BF16, false, 1, HEADS, NEW, HEAD_DIM),
          operands.heads(DType.BF16, false, 1, HEADS, NEW, HEAD_DIM));

  static Stream<Arguments> backendsAndFormats() {
    return TestBackends.NAMES.stream()
        .flatMap(
            name -> Stream.of(DType.FP8_E4M3, DType.INT8).map(pages -> Arguments.of(name, pages)));
  }

  private PagedKv pages(DType dtype, int pageTokens) {
    PageLayout layout = new PageLayout(dtype, pageTokens, HEADS, HEAD_DIM);
    return operands.filled(layout, new int[][] {{TOKENS}});
  }

  /**
   * A code times its scale is exact, so quantised pages and F32 pages of their values are alike.
   */
  @ParameterizedTest
  @MethodSource("backendsAndFormats")
  void scoresAndSumsAreThoseOfTheValuesThatPagesHold(String backend, DType dtype) {
    Kernels kernels = Backends.named(backend).kernels();
    PagedKv quantized = pages(dtype, 32);
    PageLayout wide = new PageLayout(DType.F32, 16, HEADS, HEAD_DIM);
    PagedKv plain = operands.empty(wide, 1, 1, TOKENS);
    kernels.append(new Append(values(quantized), plain));
    for (Scoring scoring : new Scoring[] {Scoring.official(0.2f), Scoring.paper(0.2f)}) {
      Tensor[] scores = results(HEADS, TOKENS + NEW);
      kernels.score(new Score(q, null, quantized, fresh, null, scoring, scores[0]));
      kernels.score(new Score(q, null, plain, fresh, null, scoring, scores[1]));
      Bits.assertSameFloats(scores[0], scores[1], scoring.toString());
    }
    Tensor[] sums = results(HEADS, TOKENS + NEW);
    kernels.columnSums(new ColumnSums(q, null, quantized, fresh, Mask.CAUSAL, 0.2f, sums[0]));
    kernels.columnSums(new ColumnSums(q, null, plain, fresh, Mask.CAUSAL, 0.2f, sums[1]));
    Bits.assertSameFloats(sums[0], sums[1], "sums");
    Tensor a = operands.result(DType.F32, 3);
    Tensor b = operands.result(DType.F32, 3);
    kernels.selectivity(new Selectivity(q, null, quantized, fresh, 7, 0.2f, a));
    kernels.selectivity(new Selectivity(q, null, plain, fresh, 7, 0.2f, b));
    Bits.assertSameBytes(a, b, "selectivity");
  }

  private Tensor[] results(int heads, int tokens) {
    return new Tensor[] {
      operands.result(DType.F32, 1, heads, tokens), operands.result(DType.F32, 1, heads, tokens)
    };
  }

  private NewTokens values(PagedKv pages) {
    Tensor k = operands.result(DType.F32, 1, HEADS, TOKENS, HEAD_DIM);
    Tensor v = operands.result(DType.F32, 1, HEADS, TOKENS, HEAD_DIM);
    for (int head = 0; head < HEADS; head++) {
      for (int t = 0; t < TOKENS; t++) {
        for (int d = 0; d < HEAD_DIM; d++) {
          long place = k.offset(0, head, t, d);
          k.setFloatAt(place, PageReader.element(pages, false, 0, head, t, d));
          v.setFloatAt(place, PageReader.element(pages, true, 0, head, t, d));
        }
      }
    }
    return new NewTokens(k, v);
  }

  /**
   * Eviction after eviction, a survivor keeps the codes and the scale that it was appended with.
   */
  @ParameterizedTest
  @MethodSource("backendsAndFormats")
  void survivorsKeepTheirCodesAndScales(String backend, DType dtype) {
    Kernels kernels = Backends.named(backend).kernels();
    PagedKv first = pages(dtype, 32);
    PagedKv source = first;
    int[][] origin = new int[HEADS][TOKENS];
    for (int[] head : origin) {
      Arrays.setAll(head, t -> t);
    }
    int tokens = TOKENS;
    for (int kept : new int[] {60, 33, 16, 5}) {
      int pageTokens = kept % 2 == 0 ? 16 : 64;
      PagedKv target =
          operands.empty(new PageLayout(dtype, pageTokens, HEADS, HEAD_DIM), 1, 1, kept);
      Tensor scores = operands.result(DType.F32, 1, HEADS, tokens);
      Tensor indices = operands.result(DType.I32, 1, HEADS, kept);
      Score score = new Score(q, null, source, null, null, Scoring.official(0.2f), scores);
      kernels.evict(new Evict(score, operands.ints(new int[][] {{kept}}), indices, target));
      for (int head = 0; head < HEADS; head++) {
        for (int i = 0; i < kept; i++) {
          origin[head][i] = origin[head][(int) indices.integerAt(indices.offset(0, head, i))];
          for (boolean value : new boolean[] {false, true}) {
            assertThat(raw(target, value, head, i))
                .as("%d kept, head %d, token %d", kept, head, i)
                .isEqualTo(raw(first, value, head, origin[head][i]));
          }
        }
      }
      source = target;
      tokens = kept;
    }
  }

  /**
   * History moves as it is where new tokens stand among it, even where all its codes are small:
   * rounded anew, they would get another scale.
   */
  @ParameterizedTest
  @MethodSource("backendsAndFormats")
  void historyMovesAsItIsAmongNewTokens(String backend, DType dtype) {
    PagedKv source = pages(dtype, 32);
    for (int head = 0; head < HEADS; head++) {
      for (int token = 0; token < TOKENS; token++) {
        for (int d = 0; d < HEAD_DIM; d++) {
          byte code = (byte) (1 + (token + d) % 3);
          long at = token % 32 * (long) HEAD_DIM + d;
          source
              .slab()
              .segment()
              .set(ValueLayout.JAVA_BYTE, part(source, false, head, token) + at, code);
          source
              .slab()
              .segment()
              .set(ValueLayout.JAVA_BYTE, part(source, true, head, token) + at, code);
        }
      }
    }
    int[] chosen = {0, TOKENS + 2, 50, TOKENS - 1, TOKENS, 12};
    Tensor indices = operands.result(DType.I32, 1, HEADS, chosen.length);
    for (int i = 0; i < HEADS * chosen.length; i++) {
      indices.setIntegerAt(
          indices.offset(0, i / chosen.length, i % chosen.length), chosen[i % chosen.length]);
    }
    PagedKv target =
        operands.empty(new PageLayout(dtype, 16, HEADS, HEAD_DIM), 1, 1, chosen.length);
    Backends.named(backend).kernels().compact(new Compact(source, fresh, indices, target));
    for (int head = 0; head < HEADS; head++) {
      for (int i : new int[] {0, 2, 3, 5}) {
        for (boolean value : new boolean[] {false, true}) {
          assertThat(raw(target, value, head, i))
              .as("head %d, token %d", head, chosen[i])
              .isEqualTo(raw(source, value, head, chosen[i]));
        }
      }
    }
  }

  /** Where the page of a token has its head's keys or values. */
  private static long part(PagedKv pages, boolean value, int head, int token) {
    PageLayout layout = pages.layout();
    long page = pages.table().integerAt(pages.table().offset(0, 0, token / layout.tokens()));
    return page * layout.pageBytes() + (value ? layout.values(head) : layout.keys(head));
  }

  /** The codes of a token, then its scale, as they lie in its page. */
  private static byte[] raw(PagedKv pages, boolean value, int head, int token) {
    PageLayout layout = pages.layout();
    int place = token % layout.tokens();
    byte[] raw = new byte[HEAD_DIM + 2];
    var slab = pages.slab().segment().asSlice(part(pages, value, head, token));
    for (int d = 0; d < HEAD_DIM; d++) {
      raw[d] = slab.get(ValueLayout.JAVA_BYTE, place * layout.tokenBytes() + d);
    }
    long scale = layout.scalesAfterCodes() + 2L * place;
    raw[HEAD_DIM] = slab.get(ValueLayout.JAVA_BYTE, scale);
    raw[HEAD_DIM + 1] = slab.get(ValueLayout.JAVA_BYTE, scale + 1);
    return raw;
  }
}
