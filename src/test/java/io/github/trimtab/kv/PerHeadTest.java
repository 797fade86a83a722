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
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Heads with budgets of their own hold, bit for bit, what a model of that head alone would. */
@Tag("parity")
final class PerHeadTest {
  private static final int HEADS = 3;
  private static final int ROWS = 2;
  private static final int[] CAPACITIES = {40, 7, 100};
  private static final int[] WINDOW = {1, 5, 11};
  private static final PageLayout LAYOUT = new PageLayout(DType.F32, 16, 1, Fixture.DIM);

  @ParameterizedTest
  @EnumSource(Scoring.Mode.class)
  void headsAreIndependent(Scoring.Mode mode) {
    Scoring scoring = mode == Scoring.Mode.RAW ? Scoring.official(1) : Scoring.paper(1);
    for (String backend : List.of("scalar", "vector")) {
      // [rows, tokens, heads, head_dim] in memory, as many engines have it.
      List<Float> all = run(backend, scoring, 0, HEADS);
      int at = 0;
      for (int row = 0; row < ROWS; row++) {
        for (int head = 0; head < HEADS; head++) {
          List<Float> alone = run(backend, scoring, head, 1);
          int size = alone.size() / ROWS;
          assertThat(
                  all.subList(at, at + size).equals(alone.subList(row * size, row * size + size)))
              .as("%s, row %d, head %d", backend, row, head)
              .isTrue();
          at += size;
        }
      }
      assertThat(at).isEqualTo(all.size());
    }
  }

  private static List<Float> run(String backend, Scoring scoring, int head, int heads) {
    int[] capacities = new int[heads];
    System.arraycopy(CAPACITIES, head, capacities, 0, heads);
    EvictionPolicy policy =
        (layer, step, newTokens) -> new Retention.Scored(WINDOW, WINDOW, scoring, capacities);
    int[] newTokens = {12, 20, 30, 25};
    PageForecast forecast = PageForecast.of(policy, LAYOUT, 1, ROWS, heads, newTokens);
    try (PagePool pool = new PagePool(LAYOUT, forecast.peakPages());
        KvCache cache =
            new KvCache(
                Backends.named(backend).kernels(), pool, 1, ROWS, heads, forecast.maxTokens())) {
      for (int step = 0; step < newTokens.length; step++) {
        int count = newTokens[step];
        Tensor q = interleaved(2 * HEADS, count, step).narrow(1, 2L * head, 2L * heads);
        Tensor k = interleaved(HEADS, count, 50L + step).narrow(1, head, heads);
        policy.store(cache, 0, step, q, new NewTokens(k, k));
      }
      assertThat(pool.peak()).isEqualTo(forecast.peakPages());
      assertThat(pool.used()).isEqualTo(forecast.lastPages());
      for (int h = 0; h < heads; h++) {
        assertThat(cache.tokens(0, 1, h)).isEqualTo(Math.min(87, capacities[h]));
      }
      return Fixture.contents(cache);
    }
  }

  private static Tensor interleaved(int heads, int count, long seed) {
    return Fixture.queries(ROWS, /* heads= */ count, /* count= */ heads, seed).permute(0, 2, 1, 3);
  }
}
