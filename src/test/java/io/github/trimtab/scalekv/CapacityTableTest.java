package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.kv.Retention;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CapacityTableTest {
  @Test
  void capacitiesStandByScaleLayerAndHead() {
    CapacityTable table = new CapacityTable(2, 3, Map.of(4, new int[][] {{1, 2, 3}, {4, 5, 6}}));
    assertThat(table.capacity(4, 1, 2)).isEqualTo(6);
    assertThat(table.capacity(5, 1, 2)).isEqualTo(Budgets.UNLIMITED);
    assertThat(table.total(4)).isEqualTo(21);
    Schedule schedule = Schedule.ofSides(1, 2, 3, 4);
    ScaleKv policy =
        new ScaleKv(schedule, table, Observation.allQueries(), ScoringMode.PAPER.scoring(1));
    assertThat(policy.after(1, 2, 9).kept(2, 5, 9)).isEqualTo(6);
    assertThat(policy.after(1, 1, 4)).isInstanceOf(Retention.All.class);
  }

  @ParameterizedTest
  @CsvSource({"8, 122, 20, 9", "32, 650, 20, 16", "40, 265, 7, 16", "1, 30, 20, 1", "3, 11, 1, 11"})
  void aPyramidFallsEvenlyAndSumsToTheUniformBudget(
      int layers, int tokens, double steepness, int floor) {
    Schedule schedule = Schedule.INFINITY_1M;
    CapacityTable table = CapacityTable.pyramid(schedule, layers, tokens, steepness, floor);
    for (int scale : table.scales()) {
      assertThat(schedule.history(scale - 1)).isGreaterThan(tokens);
      assertThat(table.total(scale)).isEqualTo((long) layers * tokens);
      for (int layer = 1; layer < layers; layer++) {
        int fall = table.capacity(scale, layer - 1, 0) - table.capacity(scale, layer, 0);
        double even = 2 * (tokens - Math.max(tokens / steepness, floor)) / (layers - 1);
        assertThat((double) fall).isBetween(even - 2, even + 2);
      }
    }
  }

  @Test
  void headsShareByTheirAttention() {
    double[][][] mass = {{{0.3, 0.3, 0}, {0.1, 0.1, 0}}, {{0, 0, 0}, {0.2, 0, 0}}};
    CapacityTable table = new HeadMass(mass).budgets(Schedule.ofSides(1, 3, 4), 8, 3);
    assertThat(table.scales()).containsExactly(3);
    assertThat(table.total(3)).isEqualTo(32);
    assertThat(table.capacity(3, 0, 0)).isEqualTo(15);
    assertThat(table.capacity(3, 1, 0)).isEqualTo(3);
  }

  @Test
  void aPlanOfWholeScalesKeepsTheFirstAndTheMostLookedAt() {
    Schedule schedule = Schedule.ofTokens(1, 2, 4, 4, 4, 8);
    double[][][] mass = {
      {{0.1, 0.1, 0.1, 0.9, 0.1, 0}, {0.1, 0.1, 0.5, 0.1, 0.6, 0}},
    };
    HeatKv policy = new HeatKv(schedule, new HeadMass(mass), 7, 2);
    // 14 tokens for two heads: 3 each always, and one map more each.
    assertThat(kept(policy, 1, 2, 1)).containsExactly(3, 3);
    assertThat(kept(policy, 2, 4, 3)).containsExactly(7, 7);
    assertThat(kept(policy, 3, 4, 7)).containsExactly(7, 7);
    Retention.Chosen chosen = (Retention.Chosen) policy.after(0, 3, 4);
    assertThat(chosen.tokens(0, 0, 7, 4)).containsExactly(0, 1, 2, 7, 8, 9, 10);
    assertThat(chosen.tokens(0, 1, 7, 4)).containsExactly(0, 1, 2, 3, 4, 5, 6);
    Retention.Chosen later = (Retention.Chosen) policy.after(0, 4, 4);
    assertThat(later.tokens(0, 0, 7, 4)).containsExactly(0, 1, 2, 3, 4, 5, 6);
    assertThat(later.tokens(0, 1, 7, 4)).containsExactly(0, 1, 2, 7, 8, 9, 10);
    assertThat(policy.after(0, 5, 8)).isInstanceOf(Retention.History.class);
    assertThatThrownBy(() -> new HeatKv(schedule, new HeadMass(mass), 2, 2))
        .hasMessage("tokens: 2, expected at least the 3 of the first scales");
  }

  private static int[] kept(HeatKv policy, int step, int fresh, int held) {
    int[] kept = new int[2];
    Arrays.setAll(kept, head -> policy.after(0, step, fresh).kept(head, held, fresh));
    return kept;
  }

  @Test
  void badTablesAreRefused() {
    assertThatThrownBy(() -> new CapacityTable(2, 1, Map.of(4, new int[][] {{1}})))
        .hasMessage("capacities of scale 4: 1 layers, expected 2");
    assertThatThrownBy(() -> new CapacityTable(1, 2, Map.of(4, new int[][] {{1}})))
        .hasMessage("capacities of scale 4, layer 0: 1 heads, expected 2");
    assertThatThrownBy(() -> new CapacityTable(1, 1, Map.of(4, new int[][] {{-1}})))
        .hasMessage("capacities of scale 4, layer 0: -1, expected 0 or more");
    assertThatThrownBy(() -> CapacityTable.uniform(Schedule.VAR_256, -1, 20))
        .hasMessage("layers: -1, expected 1 or more");
    assertThatThrownBy(() -> CapacityTable.pyramid(Schedule.VAR_256, 0, 20, 2, 1))
        .hasMessage("layers: 0, expected 1 or more");
    assertThatThrownBy(() -> CapacityTable.pyramid(Schedule.VAR_256, 4, 20, 0.5, 1))
        .hasMessageContaining("steepness: 0.5");
    CapacityTable tight = new CapacityTable(1, 2, Map.of(10, new int[][] {{16, 15}}));
    assertThatThrownBy(() ->
            new ScaleKv(
                Schedule.VAR_256, tight, ObservationWindow.GRID_4, ScoringMode.PAPER.scoring(1)))
        .hasMessage(
            "budget of scale number 10, layer 0, head 1: 15, expected at least the window's 16"
                + " tokens");
  }
}
