package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class KvCacheTruncateTest {
  private final PagePool pool = new PagePool(new PageLayout(DType.F32, 16, 1, Fixture.DIM), 40);
  private final KvCache cache = new KvCache(Backends.named("scalar").kernels(), pool, 2, 2, 1, 100);

  @AfterEach
  void nothingIsLost() {
    cache.close();
    assertThat(pool.used()).isZero();
    pool.close();
  }

  private static List<Integer> numbers(int end) {
    return IntStream.range(0, end).boxed().toList();
  }

  private void append(int first, int count, int inRow0, int inRow1) {
    for (int layer = 0; layer < 2; layer++) {
      cache.append(layer, Fixture.ragged(1, first, count, inRow0, inRow1));
    }
  }

  @Test
  void theNewestTokensOfOneRowGo() {
    append(0, 35, 35, 35);
    cache.truncate(0, 3);
    assertThat(pool.used()).isEqualTo(2 * (2 + 3));
    assertThat(Fixture.held(cache, 0, 0, 0)).isEqualTo(numbers(32));
    assertThat(cache.tokens(1, 0)).isEqualTo(32);
    assertThat(cache.tokens(0, 1)).isEqualTo(35);
    cache.truncate(0, 0);
    cache.truncate(0, 14);
    append(18, 9, 9, 0);
    assertThat(Fixture.held(cache, 1, 0, 0)).isEqualTo(numbers(27));
    cache.truncate(0, 27);
    assertThat(cache.tokens(0, 0)).isZero();
    assertThat(pool.used()).isEqualTo(2 * 3);
  }

  /** Layers that hold different numbers of tokens lose equally many. */
  @Test
  void layersMayDiffer() {
    append(0, 20, 20, 0);
    cache.append(1, Fixture.ragged(1, 20, 4, 4, 0));
    cache.truncate(0, 5);
    assertThat(cache.tokens(0, 0)).isEqualTo(15);
    assertThat(cache.tokens(1, 0)).isEqualTo(19);
  }

  /** What is written after a truncation never reaches a row that shares the page. */
  @Test
  void sharedPagesStay() {
    append(0, 20, 20, 0);
    cache.share(0, 1);
    cache.truncate(0, 5);
    append(15, 3, 3, 0);
    assertThat(Fixture.held(cache, 0, 0, 0)).isEqualTo(numbers(18));
    assertThat(Fixture.held(cache, 0, 1, 0).stream().map(id -> (id + 100_000) % 100_000).toList())
        .isEqualTo(numbers(20));
  }

  @Test
  void moreThanThereIs() {
    append(0, 20, 20, 0);
    cache.append(1, Fixture.ragged(1, 20, 4, 4, 0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> cache.truncate(0, 21))
        .withMessageContaining("newest: 21, expected 0 to 20");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> cache.truncate(0, -1))
        .withMessageContaining("newest: -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> cache.truncate(2, 0))
        .withMessageContaining("row: 2");
    assertThat(cache.tokens(0, 0)).isEqualTo(20);
    assertThat(cache.tokens(1, 0)).isEqualTo(24);
  }
}
