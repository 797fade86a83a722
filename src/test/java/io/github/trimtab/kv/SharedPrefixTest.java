package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures that go on from one prefix hold the bits that they would hold without sharing it. */
final class SharedPrefixTest {
  private static final int LAYERS = 2;
  private static final int PICTURES = 4;
  private static final int HEADS = 2;

  /** The first three steps are the same for all pictures; the third one forgets. */
  private static final int[] NEW_TOKENS = {1, 10, 20, 9, 25, 40};

  private static final int PREFIX = 3;
  private static final int[] WINDOW = {0, 8};

  private static Retention after(int layer, int step, int newTokens) {
    return step < 2 || step == 3
        ? new Retention.All()
        : new Retention.Scored(WINDOW, WINDOW, Scoring.official(1), 26 + 5 * layer);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, HEADS})
  void sharingChangesMemoryAlone(int headsOfPage) {
    PageLayout layout = new PageLayout(DType.F32, 16, headsOfPage, Fixture.DIM);
    EvictionPolicy policy = SharedPrefixTest::after;
    PageForecast forecast = PageForecast.of(policy, layout, LAYERS, PICTURES, HEADS, NEW_TOKENS);
    try (PagePool shared = new PagePool(layout, forecast.peakPages());
        PagePool alone = new PagePool(layout, forecast.peakPages());
        KvCache from = cache(shared, forecast);
        KvCache without = cache(alone, forecast)) {
      draw(policy, from, 0, PREFIX, true);
      draw(policy, without, 0, PREFIX, false);
      int before = shared.used();
      for (int picture = 1; picture < PICTURES; picture++) {
        from.share(0, picture);
      }
      assertThat(shared.used()).isEqualTo(before);
      assertThat(alone.used()).isEqualTo(PICTURES * before);
      assertThat(Fixture.contents(from)).isEqualTo(Fixture.contents(without));
      shared.resetPeak();
      for (int step = PREFIX; step < NEW_TOKENS.length; step++) {
        draw(policy, from, step, step + 1, false);
        draw(policy, without, step, step + 1, false);
        assertThat(Fixture.contents(from)).isEqualTo(Fixture.contents(without));
        assertThat(shared.used()).isLessThanOrEqualTo(alone.used());
      }
      assertThat(Fixture.contents(from, 1)).isNotEqualTo(Fixture.contents(from, 2));
      // All shared pages are left behind: each picture holds its own.
      assertThat(shared.used()).isEqualTo(forecast.lastPages()).isEqualTo(alone.used());
      assertThat(shared.peak()).isLessThanOrEqualTo(forecast.peakPages());
      from.clear(0);
      assertThat(shared.used()).isEqualTo(forecast.lastPages() / PICTURES * (PICTURES - 1));
      from.clear();
      assertThat(shared.used()).isZero();
    }
  }

  private static KvCache cache(PagePool pool, PageForecast forecast) {
    return new KvCache(
        Backends.named("vector").kernels(), pool, LAYERS, PICTURES, HEADS, forecast.maxTokens());
  }

  /** Draws steps of all pictures, or of picture 0 alone; the prefix is the same for all. */
  private static void draw(
      EvictionPolicy policy, KvCache cache, int from, int to, boolean firstOnly) {
    for (int step = from; step < to; step++) {
      int count = NEW_TOKENS[step];
      int[] steps = new int[PICTURES];
      int[] lengths = new int[PICTURES];
      for (int picture = 0; picture < PICTURES; picture++) {
        boolean idle = firstOnly && picture > 0;
        steps[picture] = idle ? EvictionPolicy.IDLE : step;
        lengths[picture] = idle ? 0 : count;
      }
      for (int layer = 0; layer < LAYERS; layer++) {
        Tensor q = values(step, layer, count, 2 * HEADS, 1);
        Tensor k = values(step, layer, count, HEADS, 2);
        policy.store(cache, layer, steps, q, new NewTokens(k, k, Tensor.wrap(lengths, PICTURES)));
      }
    }
  }

  private static Tensor values(int step, int layer, int count, int heads, int kind) {
    int size = heads * count * Fixture.DIM;
    float[] values = new float[PICTURES * size];
    for (int picture = 0; picture < PICTURES; picture++) {
      int which = step < PREFIX ? 0 : picture;
      Random random = new Random(10_000L * which + 100L * step + 10L * layer + kind);
      for (int i = 0; i < size; i++) {
        values[picture * size + i] = random.nextFloat() - 0.5f;
      }
    }
    return Tensor.wrap(values, PICTURES, heads, count, Fixture.DIM);
  }

  @Test
  void heavyHittersOfAPrefixAreShared() {
    PageLayout layout = new PageLayout(DType.F32, 16, 1, Fixture.DIM);
    H2o sharing = new H2o(9, 8, 1, Mask.NONE);
    H2o without = new H2o(9, 8, 1, Mask.NONE);
    PageForecast forecast = PageForecast.of(sharing, layout, LAYERS, PICTURES, HEADS, NEW_TOKENS);
    try (PagePool pool = new PagePool(layout, 2 * forecast.peakPages());
        KvCache from = cache(pool, forecast);
        KvCache alone = cache(pool, forecast)) {
      draw(sharing, from, 0, PREFIX, true);
      for (int picture = 1; picture < PICTURES; picture++) {
        from.share(0, picture);
        sharing.share(from, 0, picture);
      }
      draw(sharing, from, PREFIX, NEW_TOKENS.length, false);
      draw(without, alone, 0, NEW_TOKENS.length, false);
      assertThat(Fixture.contents(from)).isEqualTo(Fixture.contents(alone));
    }
  }
}
