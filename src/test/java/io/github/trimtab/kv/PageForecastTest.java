package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PageForecastTest {
  private static final int LAYERS = 3;
  private static final int ROWS = 2;
  private static final int HEADS = 2;
  private static final int[] NEW_TOKENS = {1, 4, 30, 16, 64, 50};

  private static final EvictionPolicy SCORED_BY_LAYER =
      (layer, step, newTokens) ->
          new Retention.Scored(
              new int[] {0}, new int[] {newTokens - 1}, Scoring.official(1), 20 + 25 * layer);

  private static final List<EvictionPolicy> POLICIES =
      List.of(
          EvictionPolicy.full(),
          EvictionPolicy.full().storingNothingAt(5),
          EvictionPolicy.slidingWindow(33),
          EvictionPolicy.slidingWindow(1),
          SCORED_BY_LAYER,
          SCORED_BY_LAYER.storingNothingAt(5));

  @Test
  void thePoolMeasuresWhatWasForecast() {
    for (EvictionPolicy policy : POLICIES) {
      for (int pageTokens : new int[] {16, 64}) {
        for (int headsOfPage : new int[] {1, HEADS}) {
          PageLayout layout = new PageLayout(DType.F32, pageTokens, headsOfPage, Fixture.DIM);
          PageForecast forecast = PageForecast.of(policy, layout, LAYERS, ROWS, HEADS, NEW_TOKENS);
          measure(policy, layout, forecast);
        }
      }
    }
  }

  /** Runs in a pool and a cache of exactly the forecast sizes. */
  private static void measure(EvictionPolicy policy, PageLayout layout, PageForecast forecast) {
    try (PagePool pool = new PagePool(layout, forecast.peakPages());
        KvCache cache =
            new KvCache(
                Backends.named("scalar").kernels(),
                pool,
                LAYERS,
                ROWS,
                HEADS,
                forecast.maxTokens())) {
      int longest = 0;
      for (int step = 0; step < NEW_TOKENS.length; step++) {
        for (int layer = 0; layer < LAYERS; layer++) {
          int count = NEW_TOKENS[step];
          policy.store(
              cache,
              layer,
              step,
              Fixture.queries(ROWS, HEADS, count, step),
              Fixture.tokens(ROWS, HEADS, 100 * step, count));
          longest = Math.max(longest, cache.tokens(layer, 0));
        }
      }
      assertThat(pool.peak()).isEqualTo(forecast.peakPages());
      assertThat(pool.peakBytes()).isEqualTo(forecast.peakBytes());
      assertThat(pool.used()).isEqualTo(forecast.lastPages());
      assertThat(forecast.maxTokens()).isEqualTo(Math.max(1, longest));
    }
  }

  @Test
  void thePeakHoldsAllKeptListsAndAPageOfTheOneBeingEvicted() {
    PageLayout layout = new PageLayout(DType.F32, 16, 1, Fixture.DIM);
    EvictionPolicy policy =
        (layer, step, newTokens) ->
            new Retention.Scored(new int[0], new int[0], Scoring.official(1), 64);
    // Two layers of 4 pages, and a fresh one while each is evicted.
    assertThat(PageForecast.of(policy, layout, 2, 1, 1, 40, 30, 30))
        .isEqualTo(new PageForecast(9, 8, 64, 9 * layout.pageBytes()));
  }

  @Test
  void aPoolOfOnePageLessIsTooSmall() {
    PageLayout layout = new PageLayout(DType.F32, 16, HEADS, Fixture.DIM);
    PageForecast forecast =
        PageForecast.of(SCORED_BY_LAYER, layout, LAYERS, ROWS, HEADS, NEW_TOKENS);
    PageForecast less =
        new PageForecast(
            forecast.peakPages() - 1,
            forecast.lastPages(),
            forecast.maxTokens(),
            forecast.peakBytes());
    assertThatThrownBy(() -> measure(SCORED_BY_LAYER, layout, less)).hasMessageContaining("wanted");
  }

  @Test
  void badSizesAreRefused() {
    PageLayout layout = new PageLayout(DType.F32, 16, HEADS, Fixture.DIM);
    EvictionPolicy full = EvictionPolicy.full();
    assertThatThrownBy(() -> PageForecast.of(full, layout, 0, 1, HEADS, 1))
        .hasMessageContaining("layers: 0");
    assertThatThrownBy(() -> PageForecast.of(full, layout, 1, 0, HEADS, 1))
        .hasMessageContaining("rows: 0");
    assertThatThrownBy(() -> PageForecast.of(full, layout, 1, 1, 4, 1))
        .hasMessage("heads: 4, expected 2 as a page holds");
    assertThatThrownBy(() -> PageForecast.of(full, layout, 1, 1, HEADS, 1, -1))
        .hasMessage("new tokens of step 1: -1, expected 0 or more");
  }
}
