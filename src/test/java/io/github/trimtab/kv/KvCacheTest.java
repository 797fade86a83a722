package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class KvCacheTest {
  private static final int HEADS = 2;
  private static final int[] WINDOW = {3, 11, 19};
  private static final Retention SCORED =
      new Retention.Scored(WINDOW, WINDOW, Scoring.paper(0.4f), 23);

  private final Kernels kernels = Backends.named("scalar").kernels();

  private static PagePool pool(int pageTokens, int headsOfPage, int pages) {
    return new PagePool(new PageLayout(DType.F32, pageTokens, headsOfPage, Fixture.DIM), pages);
  }

  @ParameterizedTest
  @CsvSource({"16, 1", "16, 2", "32, 2", "64, 1", "128, 2"})
  void appendedTokensLieInOrderAndTakeTheirPagesOnly(int pageTokens, int headsOfPage) {
    try (PagePool pool = pool(pageTokens, headsOfPage, 100);
        KvCache cache = new KvCache(kernels, pool, 2, 3, HEADS, 200)) {
      int[] counts = {1, 15, 20, 0, 64};
      int all = 0;
      for (int count : counts) {
        cache.append(1, Fixture.tokens(3, HEADS, all, count));
        all += count;
        int lists = HEADS / headsOfPage;
        assertThat(pool.used()).isEqualTo(3 * lists * Math.ceilDiv(all, pageTokens));
      }
      assertThat(cache.tokens(0, 2)).isZero();
      assertThat(cache.tokens(1, 2)).isEqualTo(100);
      List<Integer> expected = IntStream.range(0, 100).boxed().toList();
      assertThat(Fixture.held(cache, 1, 2, 1)).isEqualTo(expected);
      assertThat(Fixture.held(cache, 1, 0, 0)).isEqualTo(expected);
      cache.clear(0);
      assertThat(cache.tokens(1, 0)).isZero();
      assertThat(pool.used()).isEqualTo(2 * (HEADS / headsOfPage) * Math.ceilDiv(100, pageTokens));
      cache.clear();
      assertThat(pool.used()).isZero();
    }
  }

  @Test
  void raggedRowsGrowByTheirOwnLengths() {
    try (PagePool pool = pool(16, HEADS, 100);
        KvCache cache = new KvCache(kernels, pool, 1, 3, HEADS, 60)) {
      cache.append(0, Fixture.ragged(HEADS, 0, 20, 20, 0, 7));
      cache.append(0, Fixture.ragged(HEADS, 20, 30, 5, 30, 17));
      assertThat(List.of(cache.tokens(0, 0), cache.tokens(0, 1), cache.tokens(0, 2)))
          .containsExactly(25, 30, 24);
      assertThat(Fixture.held(cache, 0, 1, 1)).startsWith(20, 21).endsWith(49);
      assertThat(Fixture.held(cache, 0, 2, 0)).contains(6, 20).doesNotContain(7);
      // Windows and capacities of rows differ too.
      Scoring scoring = Scoring.official(1);
      cache.store(
          0,
          Fixture.queries(3, HEADS, 10, 1),
          Fixture.ragged(HEADS, 50, 10, 10, 3, 0),
          List.of(
              new Retention.Scored(new int[] {1, 2}, new int[] {0, 9}, scoring, 12),
              new Retention.Scored(new int[] {0}, new int[] {-1}, scoring, 5),
              new Retention.Scored(new int[0], new int[0], scoring, 1000)));
      assertThat(Fixture.held(cache, 0, 0, 0)).hasSize(12).contains(50, 59);
      assertThat(Fixture.held(cache, 0, 1, 0)).hasSize(5).contains(49);
      assertThat(cache.tokens(0, 2)).isEqualTo(24);
      assertThat(pool.used()).isEqualTo(1 + 1 + 2);
    }
  }

  @Test
  void endsKeepTheOldestAndTheNewest() {
    try (PagePool pool = pool(16, 1, 100);
        KvCache cache = new KvCache(kernels, pool, 1, 2, HEADS, 40)) {
      Tensor q = Fixture.queries(2, HEADS, 30, 1);
      EvictionPolicy sliding = EvictionPolicy.slidingWindow(20);
      sliding.store(cache, 0, 0, q, Fixture.tokens(2, HEADS, 0, 15));
      assertThat(cache.tokens(0, 1)).isEqualTo(15);
      sliding.store(cache, 0, 1, q, Fixture.tokens(2, HEADS, 15, 30));
      assertThat(Fixture.held(cache, 0, 1, 1)).isEqualTo(IntStream.range(25, 45).boxed().toList());
      cache.store(0, null, Fixture.tokens(2, HEADS, 45, 5), new Retention.Ends(4, 3));
      assertThat(Fixture.held(cache, 0, 0, 1)).containsExactly(25, 26, 27, 28, 47, 48, 49);
      cache.store(0, null, null, new Retention.Ends(2, 0));
      assertThat(Fixture.held(cache, 0, 0, 1)).containsExactly(25, 26);
      assertThat(pool.used()).isEqualTo(4);
      cache.store(0, null, null, new Retention.Ends(0, 0));
      assertThat(pool.used()).isZero();
    }
  }

  @Test
  void chosenTokensOfEachHeadStay() {
    try (PagePool pool = pool(16, 1, 100);
        KvCache cache = new KvCache(kernels, pool, 1, 1, HEADS, 40)) {
      cache.append(0, Fixture.tokens(1, HEADS, 0, 20));
      Retention chosen = new Retention.Chosen(new int[][] {{-20, -1, 3}, {-19}});
      cache.store(0, null, Fixture.tokens(1, HEADS, 20, 4), chosen);
      assertThat(Fixture.held(cache, 0, 0, 0)).containsExactly(0, 19, 23);
      assertThat(Fixture.held(cache, 0, 0, 1)).containsExactly(1);
      assertThat(cache.tokens(0, 0, 1)).isEqualTo(1);
      // Heads of unequal length go on by themselves.
      cache.append(0, Fixture.tokens(1, HEADS, 24, 1));
      assertThat(Fixture.held(cache, 0, 0, 1)).containsExactly(1, 24);
      cache.store(0, null, Fixture.tokens(1, HEADS, 25, 2), new Retention.Ends(1, 3));
      assertThat(Fixture.held(cache, 0, 0, 0)).containsExactly(0, 24, 25, 26);
      assertThat(Fixture.held(cache, 0, 0, 1)).containsExactly(1, 24, 25, 26);
      assertThat(pool.used()).isEqualTo(2);
    }
  }

  @Test
  void evictionKeepsTheWindowAndTheCapacityPerHead() {
    try (PagePool pool = pool(16, HEADS, 100);
        KvCache cache = new KvCache(kernels, pool, 1, 2, HEADS, 60)) {
      Tensor q = Fixture.queries(2, 2 * HEADS, 20, 3);
      cache.store(0, q, Fixture.tokens(2, HEADS, 0, 20), SCORED);
      assertThat(cache.tokens(0, 0)).isEqualTo(20);
      cache.store(0, q, Fixture.tokens(2, HEADS, 20, 20), SCORED);
      for (int row = 0; row < 2; row++) {
        for (int head = 0; head < HEADS; head++) {
          assertThat(Fixture.held(cache, 0, row, head))
              .hasSize(23)
              .contains(23, 31, 39)
              .isSorted()
              .doesNotHaveDuplicates();
        }
      }
      assertThat(Fixture.held(cache, 0, 0, 0)).isNotEqualTo(Fixture.held(cache, 0, 0, 1));
      cache.store(0, q, Fixture.tokens(2, HEADS, 40, 20), new Retention.History());
      assertThat(cache.tokens(0, 0)).isEqualTo(23);
      assertThat(pool.used()).isEqualTo(4);
      assertThat(cache.scratchBytes()).isPositive();
    }
  }

  @Test
  void attentionOverPagesIsAttentionOverAllTokens() {
    try (PagePool pool = pool(16, HEADS, 20);
        KvCache cache = new KvCache(kernels, pool, 1, 2, HEADS, 50)) {
      NewTokens all = Fixture.tokens(2, HEADS, 0, 45);
      cache.append(0, new NewTokens(all.k().narrow(2, 0, 33), all.values().narrow(2, 0, 33)));
      NewTokens rest = new NewTokens(all.k().narrow(2, 33, 12), all.values().narrow(2, 33, 12));
      Tensor q = Fixture.queries(2, HEADS, 12, 9);
      Tensor out = Tensor.wrap(new float[2 * HEADS * 12 * Fixture.DIM], 2, HEADS, 12, Fixture.DIM);
      Tensor expected =
          Tensor.wrap(new float[2 * HEADS * 12 * Fixture.DIM], 2, HEADS, 12, Fixture.DIM);
      cache.attend(0, q, rest, 0.5f, out);
      kernels.attend(new Attend(q, null, null, all, Mask.NONE, null, 0.5f, expected, null));
      for (int i = 0; i < out.elements(); i++) {
        float want = expected.floatAt((long) i * Float.BYTES);
        assertThat(out.floatAt((long) i * Float.BYTES)).isCloseTo(want, within(want));
      }
      assertThat(cache.tokens(0, 0)).isEqualTo(33);
    }
  }

  private static org.assertj.core.data.Offset<Float> within(float want) {
    return org.assertj.core.api.Assertions.within(1e-5f * Math.max(1, Math.abs(want)));
  }
}
