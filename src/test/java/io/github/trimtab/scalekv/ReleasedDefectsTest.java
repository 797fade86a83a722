package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.kv.Retention;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the released code cannot do, one test a defect. */
final class ReleasedDefectsTest {
  private static final int LAYERS = 3;
  private static final int DIM = 8;
  private static final Scoring SCORING = ScoringMode.OFFICIAL.scoring(0.35f);

  private static Map<Integer, Set<Integer>> drafters(Schedule schedule, int... layers) {
    Set<Integer> set = Set.copyOf(Arrays.stream(layers).boxed().toList());
    Map<Integer, Set<Integer>> drafters = new HashMap<>();
    for (int scale = 1; scale <= schedule.scales(); scale++) {
      drafters.put(scale, set);
    }
    return drafters;
  }

  private static ScaleKv policy(Schedule schedule, int uniform, ObservationWindow window) {
    BudgetTable budgets =
        new BudgetRule(schedule, LAYERS, uniform, drafters(schedule, 0), window.size()).released();
    return new ScaleKv(schedule, budgets, window, SCORING);
  }

  private static Tensor noise(int tokens, long seed) {
    Random random = new Random(seed);
    float[] values = new float[tokens * DIM];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return Tensor.wrap(values, 1, 1, tokens, DIM);
  }

  /** Draws the first scales of a picture; returns the keys that the pages then hold. */
  private static List<Float> draw(ScaleKv policy, Schedule schedule, KvCache cache, int scales) {
    for (int scale = 0; scale < scales; scale++) {
      int count = schedule.tokens(scale);
      for (int layer = 0; layer < LAYERS; layer++) {
        Tensor k = noise(count, 10L * scale + layer);
        policy.store(cache, layer, scale, noise(count, 5000 + scale), new NewTokens(k, k));
      }
    }
    List<Float> held = new ArrayList<>();
    for (int layer = 0; layer < LAYERS; layer++) {
      Tensor out = Tensor.wrap(new float[DIM], 1, 1, 1, DIM);
      NewTokens none = new NewTokens(noise(1, 1), noise(1, 2));
      cache.attend(layer, noise(1, 3), none, 1, out);
      for (int d = 0; d < DIM; d++) {
        held.add(out.floatAt(4L * d));
      }
    }
    return held;
  }

  /** Runs in a pool of exactly the forecast size. */
  private static void run(ScaleKv policy, Schedule schedule) {
    PageLayout layout = new PageLayout(DType.F32, 16, 1, DIM);
    PageForecast forecast = PageForecast.of(policy, layout, LAYERS, 1, 1, schedule.tokens());
    try (PagePool pool = new PagePool(layout, forecast.peakPages());
        KvCache cache =
            new KvCache(
                Backends.named("vector").kernels(), pool, LAYERS, 1, 1, forecast.maxTokens())) {
      draw(policy, schedule, cache, schedule.scales());
      assertThat(pool.peak()).isEqualTo(forecast.peakPages());
      assertThat(pool.used()).isEqualTo(forecast.lastPages());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 10, 20, 35, 50, 75, 90})
  void budgetsOfOneToNinetyPercentCompressFirstAtAnyScale(int percent) {
    Schedule schedule = Schedule.VAR_512;
    int uniform = Math.max(1, Math.round(1216 * percent / 100f));
    ObservationWindow window =
        uniform < 16 ? new ObservationWindow(2, 2) : ObservationWindow.GRID_4;
    ScaleKv policy = policy(schedule, uniform, window);
    int first = 0;
    while (!(policy.after(1, first, schedule.tokens(first)) instanceof Retention.Scored)) {
      first++;
    }
    assertThat(schedule.history(first)).isLessThanOrEqualTo(uniform);
    assertThat(schedule.history(first + 1)).isGreaterThan(uniform);
    run(policy, schedule);
  }

  @Test
  void aStopBeforeTheLastScaleLeavesNothingToTheNextPicture() {
    Schedule schedule = Schedule.VAR_256;
    ScaleKv policy = policy(schedule, 42, ObservationWindow.GRID_4);
    PageLayout layout = new PageLayout(DType.F32, 16, 1, DIM);
    try (PagePool pool = new PagePool(layout, 400)) {
      List<Float> unbroken;
      try (KvCache cache = cache(pool)) {
        unbroken = draw(policy, schedule, cache, schedule.scales());
      }
      for (int stop = 1; stop < schedule.scales(); stop++) {
        try (KvCache cache = cache(pool)) {
          draw(policy, schedule, cache, stop);
          cache.clear();
          assertThat(draw(policy, schedule, cache, schedule.scales())).isEqualTo(unbroken);
        }
      }
    }
  }

  private static KvCache cache(PagePool pool) {
    return new KvCache(Backends.named("vector").kernels(), pool, LAYERS, 1, 1, 424);
  }

  @ParameterizedTest
  @ValueSource(ints = {7, 10, 12})
  void aPrefixOfTheSchedulesMapsIsASchedule(int scales) {
    // 0.06M, 0.25M and 0.60M are the first 7, 10 and 12 maps of 1M.
    Schedule schedule = Schedule.INFINITY_1M.first(scales);
    assertThat(schedule.scales()).isEqualTo(scales);
    assertThat(schedule.history(scales - 1)).isEqualTo(Schedule.INFINITY_1M.history(scales - 1));
    int uniform = Math.round(schedule.history(scales - 1) * 0.2f);
    PageLayout layout = new PageLayout(DType.F16, 16, 1, DIM);
    ScaleKv policy = policy(schedule, uniform, ObservationWindow.GRID_4);
    PageForecast forecast = PageForecast.of(policy, layout, LAYERS, 1, 1, schedule.tokens());
    assertThat(forecast.peakPages()).isLessThan(layout.pagesFor(3 * schedule.totalTokens()));
  }

  @Test
  void mapsThatAreNotSquareKeepTheirOwnCentres() {
    Schedule high = InfinitySchedules.THREE_TO_TWO;
    for (Schedule schedule : List.of(high, high.transposed())) {
      assertThat(schedule.scales()).isEqualTo(13);
      int[] positions = ObservationWindow.GRID_4.positions(schedule.height(7), schedule.width(7));
      assertThat(positions).hasSize(16).isSorted().doesNotHaveDuplicates();
      assertThat(positions[15]).isLessThan(schedule.tokens(7));
      int row = positions[5] / schedule.width(7);
      int column = positions[5] % schedule.width(7);
      assertThat(row).isBetween(schedule.height(7) / 4, schedule.height(7) / 2);
      assertThat(column).isBetween(schedule.width(7) / 4, schedule.width(7) / 2);
    }
    // The short side of 2 x 10 has no room for a grid of four: the last tokens judge.
    Schedule flat = Schedule.ofGrids(new int[] {1, 2, 2, 5, 6, 8}, new int[] {1, 2, 10, 9, 14, 20});
    run(policy(flat, 17, ObservationWindow.GRID_4), flat);
  }

  @Test
  void aBudgetBelowTheWindowIsRefusedInWords() {
    assertThatThrownBy(() -> policy(Schedule.VAR_256, 15, ObservationWindow.GRID_4))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("uniform: 15, expected at least the window's 16 tokens");
    // As many as the window is enough: then the window is what stays.
    run(policy(Schedule.VAR_256, 16, ObservationWindow.GRID_4), Schedule.VAR_256);
  }

  @Test
  void theTableOfAnotherModelIsRefused() {
    Schedule schedule = Schedule.VAR_256;
    BudgetTable large =
        new BudgetRule(schedule, 40, 42, drafters(schedule, 0, 1, 2), 16).released();
    ScaleKv policy = new ScaleKv(schedule, large, ObservationWindow.GRID_4, SCORING);
    try (PagePool pool = new PagePool(new PageLayout(DType.F32, 16, 1, DIM), 10);
        KvCache cache = cache(pool)) {
      assertThatThrownBy(() -> draw(policy, schedule, cache, 1))
          .hasMessage("budgets: 40 layers, expected 3 as the cache has");
      assertThat(pool.used()).isZero();
    }
  }

  @Test
  void theLastScaleIsNeitherScoredNorStored() {
    ScaleKv policy = policy(Schedule.VAR_512, 122, ObservationWindow.GRID_4);
    assertThat(policy.after(1, 9, 1024)).isInstanceOf(Retention.History.class);
  }
}
