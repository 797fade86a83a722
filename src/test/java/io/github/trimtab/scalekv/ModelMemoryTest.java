package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * MiB of keys and values that a picture with guidance (two rows) holds, for the models' true
 * shapes: what is published or follows from the tokens, and what the pages come to, which is less
 * than a page a list more.
 */
final class ModelMemoryTest {
  private static final double MIB = 1 << 20;
  private static final int ROWS = 2;

  private static void assertPages(
      EvictionPolicy policy, PageLayout layout, int layers, Schedule schedule, double expected) {
    PageForecast forecast =
        PageForecast.of(policy, layout, layers, ROWS, layout.heads(), schedule.tokens());
    double held = forecast.lastPages() * layout.pageBytes() / MIB;
    assertThat(held).isBetween(expected, expected + ROWS * layout.pageBytes() * layers / MIB);
  }

  /** All 680 or 2240 tokens, and without the last map, which need not be stored; 2 bytes each. */
  @ParameterizedTest
  @CsvSource({
    "16, 680, 85, 53",
    "20, 680, 132.8125, 82.8125",
    "24, 680, 191.25, 119.25",
    "30, 680, 298.828125, 186.328125",
    "36, 2240, 1417.5, 769.5",
  })
  void classConditionalModels(int depth, int tokens, double all, double history) {
    Schedule schedule = tokens == 680 ? Schedule.VAR_256 : Schedule.VAR_512;
    assertThat(2.0 * ROWS * tokens * depth * 64 * depth * 2 / MIB).isEqualTo(all);
    PageLayout layout = new PageLayout(DType.BF16, 16, depth, 64);
    EvictionPolicy full = EvictionPolicy.full();
    assertPages(full, layout, depth, schedule, all);
    assertPages(full.storingNothingAt(9), layout, depth, schedule, history);
  }

  @ParameterizedTest
  @CsvSource({
    "32, 16, BF16, 5260.5, 3212.5, 325",
    "40, 28, BF16, 11507.34375, 7027.34375, 710.9375",
    "32, 16, INT8, 2630.25, 1606.25, 162.5",
    "40, 28, INT8, 5753.671875, 3513.671875, 355.46875",
  })
  void infinity(int layers, int heads, DType dtype, double all, double history, double tenPercent) {
    // A quantised head has two bytes of scale beside its 128 codes.
    double share = dtype == DType.INT8 ? 130.0 / 128 : 1;
    PageLayout layout = new PageLayout(dtype, 64, heads, 128);
    Schedule schedule = Schedule.INFINITY_1M;
    EvictionPolicy full = EvictionPolicy.full();
    assertPages(full, layout, layers, schedule, all * share);
    assertPages(full.storingNothingAt(12), layout, layers, schedule, history * share);
    ScaleKv scaleKv = scaleKv(layers, 650);
    assertPages(scaleKv, layout, layers, schedule, tenPercent * share);
    double exact = 0;
    for (int layer = 0; layer < layers; layer++) {
      int kept = scaleKv.after(layer, 11, 2304).kept(0, 8000, 2304);
      exact += 2.0 * ROWS * kept * heads * dtype.bytes(128) / MIB;
    }
    assertThat(exact).isEqualTo(tenPercent);
  }

  /**
   * The released tables of 10 % at the fullest moment: while a layer forgets, with the new map that
   * it has just attended to, against a cache of all 10521 tokens.
   */
  @Test
  void aTwelfthAtThePeak() {
    int[] stored = Arrays.copyOf(Schedule.INFINITY_1M.tokens(), 12);
    PageLayout layout = new PageLayout(DType.BF16, 64, 16, 128);
    PageForecast forecast = PageForecast.of(scaleKv(32, 650), layout, 32, ROWS, 16, stored);
    double map = 2.0 * ROWS * stored[11] * 16 * DType.BF16.bytes(128) / MIB;
    assertThat(12 * (forecast.peakBytes() / MIB + map)).isLessThan(5260.5);
  }

  /** Twice the 10 % budget; at 4 % a floor for refiners decides, so all layers have the same. */
  @ParameterizedTest
  @CsvSource({"32, 16, 650, 132.5", "40, 28, 1421.875, 289.84375"})
  void infinityAtOtherBudgets(int layers, int heads, double twentyPercent, double fourPercent) {
    PageLayout layout = new PageLayout(DType.BF16, 16, heads, 128);
    Schedule schedule = Schedule.INFINITY_1M;
    PageForecast twenty =
        PageForecast.of(scaleKv(layers, 1300), layout, layers, ROWS, heads, schedule.tokens());
    double slack = ROWS * layout.pageBytes() * layers / MIB;
    assertThat(twenty.lastPages() * layout.pageBytes() / MIB)
        .isCloseTo(twentyPercent, within(slack));
    ScaleKv four =
        new ScaleKv(
            schedule,
            CapacityTable.uniform(schedule, layers, 265),
            ObservationWindow.GRID_4,
            ScoringMode.OFFICIAL.scoring(1));
    assertPages(four, layout, layers, schedule, fourPercent);
  }

  /** The released drafters; 2B's second is a refiner at the last scale. */
  private static ScaleKv scaleKv(int layers, int budget) {
    Map<Integer, Set<Integer>> drafters = new HashMap<>();
    for (int scale = BudgetRule.firstScale(Schedule.INFINITY_1M, budget); scale <= 13; scale++) {
      drafters.put(scale, layers == 40 ? Set.of(0, 1, 2) : scale == 13 ? Set.of(0) : Set.of(0, 23));
    }
    BudgetTable table =
        new BudgetRule(Schedule.INFINITY_1M, layers, budget, drafters, 16).released();
    return new ScaleKv(
        Schedule.INFINITY_1M, table, ObservationWindow.GRID_4, ScoringMode.OFFICIAL.scoring(1));
  }
}
