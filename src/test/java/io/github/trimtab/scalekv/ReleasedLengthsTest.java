package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the released class was observed to hold, for the shapes of Infinity-2B and 8B. */
final class ReleasedLengthsTest {
  private static final Schedule SCHEDULE = Schedule.INFINITY_1M;

  /** Tokens at attention by scale: all, then 2B drafter, refiner, mean, then the same of 8B. */
  private static final int[][] AT_ATTENTION = {
    {521, 521, 521, 521, 521, 521, 521},
    {921, 921, 921, 921, 921, 921, 921},
    {1497, 1496, 1208, 1226, 1485, 1205, 1226},
    {2521, 2514, 1618, 1674, 2488, 1608, 1674},
    {4121, 4110, 2126, 2250, 4063, 2103, 2250},
    {6425, 6404, 2724, 2954, 6358, 2678, 2954},
    {10521, 10481, 4561, 4746, 10296, 4296, 4746},
  };

  private static final int FIRST = 6;

  private static ScaleKv policy(int layers, Map<Integer, Set<Integer>> drafters) {
    BudgetTable table = new BudgetRule(SCHEDULE, layers, 650, drafters, 16).released();
    return new ScaleKv(
        SCHEDULE, table, ObservationWindow.GRID_4, ScoringMode.OFFICIAL.scoring(0.088f));
  }

  private static ScaleKv small() {
    Set<Integer> both = Set.of(0, 23);
    return policy(32, Map.of(9, both, 10, both, 11, both, 12, both, 13, Set.of(0)));
  }

  private static ScaleKv large() {
    Set<Integer> first = Set.of(0, 1, 2);
    return policy(40, Map.of(9, first, 10, first, 11, first, 12, first, 13, first));
  }

  /** Walks all layers; column: where the drafters', refiners' and mean lengths stand. */
  private static void walk(ScaleKv policy, int layers, int column) {
    int[] held = new int[layers];
    for (int scale = 0; scale < 12; scale++) {
      int fresh = SCHEDULE.tokens(scale);
      for (int layer = 0; layer < layers; layer++) {
        held[layer] = policy.after(layer, scale, fresh).kept(0, held[layer], fresh);
      }
      if (scale + 1 >= FIRST) {
        int[] row = AT_ATTENTION[scale + 1 - FIRST];
        int next = SCHEDULE.tokens(scale + 1);
        assertThat(SCHEDULE.history(scale + 1) + next).isEqualTo(row[0]);
        assertThat(held[0] + next).isEqualTo(row[column]);
        assertThat(held[layers - 1] + next).isEqualTo(row[column + 1]);
        int total = Arrays.stream(held).sum();
        assertThat(total).isEqualTo(layers * Math.min(650, SCHEDULE.history(scale + 1)));
        assertThat(total / layers + next).isEqualTo(row[column + 2]);
      }
    }
  }

  /** Tokens of all layers when a step's layer has its new map beside what is held, at most. */
  private static long peak(ScaleKv policy, int layers) {
    int[] held = new int[layers];
    long peak = 0;
    for (int scale = 0; scale < 12; scale++) {
      int fresh = SCHEDULE.tokens(scale);
      for (int layer = 0; layer < layers; layer++) {
        peak = Math.max(peak, Arrays.stream(held).sum() + fresh);
        held[layer] = policy.after(layer, scale, fresh).kept(0, held[layer], fresh);
      }
    }
    return peak;
  }

  @Test
  void listsAreAsLongAsObserved() {
    walk(small(), 32, 1);
    walk(large(), 40, 4);
  }

  @Test
  void theLastScaleSeesARefinerWhereADrafterWas() {
    ScaleKv policy = small();
    assertThat(policy.after(23, 10, 1600).kept(0, 2510, 1600)).isEqualTo(4100);
    assertThat(policy.after(23, 11, 2304).kept(0, 4100, 2304)).isEqualTo(465);
  }

  @Test
  void thePeakIsThatOfOneLayersNewMap() {
    assertThat(peak(small(), 32)).isEqualTo(26379);
    assertThat(peak(large(), 40)).isEqualTo(34742);
  }
}
