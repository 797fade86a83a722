package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class KvCacheSharingTest {
  private final PagePool pool = new PagePool(new PageLayout(DType.F32, 16, 1, Fixture.DIM), 40);
  private final KvCache cache = new KvCache(Backends.named("scalar").kernels(), pool, 2, 3, 1, 100);

  @AfterEach
  void nothingIsLost() {
    cache.close();
    assertThat(pool.used()).isZero();
    pool.close();
  }

  /** Row 0 gets 20 tokens in both layers, and row 1 shares them. */
  private void shareTwentyTokens() {
    for (int layer = 0; layer < 2; layer++) {
      cache.append(layer, Fixture.ragged(1, 0, 20, 20, 0, 0));
    }
    cache.share(0, 1);
  }

  /** Tokens that row 1 holds and row 0 once wrote. */
  private List<Integer> heldByRow1() {
    return Fixture.held(cache, 0, 1, 0).stream()
        .map(id -> id + 100_000)
        .map(id -> id % 100_000)
        .toList();
  }

  @Test
  void sharingTakesNoPage() {
    shareTwentyTokens();
    assertThat(pool.used()).isEqualTo(4);
    assertThat(cache.tokens(1, 1)).isEqualTo(20);
    assertThat(heldByRow1()).isEqualTo(IntStream.range(0, 20).boxed().toList());
    cache.share(0, 0);
    cache.clear(0);
    assertThat(pool.used()).isEqualTo(4);
    assertThat(heldByRow1()).hasSize(20);
  }

  @Test
  void appendCopiesASharedLastPageOnce() {
    shareTwentyTokens();
    cache.append(0, Fixture.ragged(1, 20, 5, 5, 0, 0));
    assertThat(pool.used()).isEqualTo(5);
    assertThat(Fixture.held(cache, 0, 0, 0)).isEqualTo(IntStream.range(0, 25).boxed().toList());
    assertThat(heldByRow1()).isEqualTo(IntStream.range(0, 20).boxed().toList());
    // Row 1 reads the old last page alone now and writes in place.
    cache.append(0, Fixture.ragged(1, 30, 5, 0, 5, 0));
    assertThat(pool.used()).isEqualTo(5);
    assertThat(heldByRow1()).hasSize(25).contains(19, 30, 34);
    assertThat(Fixture.held(cache, 0, 0, 0)).isEqualTo(IntStream.range(0, 25).boxed().toList());
  }

  @Test
  void rowsThatGrowTogetherPartWithoutAnExtraPage() {
    shareTwentyTokens();
    cache.share(0, 2);
    cache.append(0, Fixture.tokens(3, 1, 20, 3));
    // Layer 1: two pages; layer 0: the full first page, and a last page each.
    assertThat(pool.used()).isEqualTo(2 + 1 + 3);
    assertThat(pool.peak()).isEqualTo(6);
    assertThat(Fixture.held(cache, 0, 0, 0)).isEqualTo(IntStream.range(0, 23).boxed().toList());
    assertThat(heldByRow1()).isEqualTo(IntStream.range(0, 23).boxed().toList());
  }

  @Test
  void aFullSharedPageIsNotCopied() {
    cache.append(0, Fixture.ragged(1, 0, 16, 16, 0, 0));
    cache.share(0, 1);
    cache.append(0, Fixture.ragged(1, 16, 1, 1, 1, 0));
    assertThat(pool.used()).isEqualTo(3);
  }

  @Test
  void evictionLeavesTheOtherRowsPages() {
    shareTwentyTokens();
    Tensor q = Fixture.queries(3, 1, 4, 5);
    NewTokens fresh = Fixture.ragged(1, 20, 4, 4, 0, 0);
    Retention.Scored few =
        new Retention.Scored(new int[] {3}, new int[] {-1}, Scoring.official(1), 6);
    Retention.Scored all = new Retention.Scored(new int[0], new int[0], Scoring.official(1), 50);
    cache.store(0, q, fresh, List.of(few, all, all));
    assertThat(Fixture.held(cache, 0, 0, 0)).hasSize(6).contains(19);
    assertThat(heldByRow1()).isEqualTo(IntStream.range(0, 20).boxed().toList());
    // Layer 1: two pages; row 0: one; row 1: the two that it now reads alone.
    assertThat(pool.used()).isEqualTo(2 + 1 + 2);
    cache.store(1, null, null, new Retention.Ends(0, 3));
    assertThat(pool.used()).isEqualTo(5 - 2 + 2);
  }

  @Test
  void sharingOverARowDropsWhatItHeld() {
    cache.append(0, Fixture.ragged(1, 0, 40, 5, 40, 0));
    assertThat(pool.used()).isEqualTo(4);
    cache.share(0, 1);
    assertThat(pool.used()).isEqualTo(1);
    assertThat(cache.tokens(0, 1)).isEqualTo(5);
  }
}
