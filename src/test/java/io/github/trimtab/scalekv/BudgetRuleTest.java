package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class BudgetRuleTest {
  private static final Schedule INFINITY_1M =
      Schedule.ofSides(1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64);
  private static final Map<Integer, Set<Integer>> DRAFTERS_2B =
      Map.of(
          9, Set.of(0, 23), 10, Set.of(0, 23), 11, Set.of(0, 23), 12, Set.of(0, 23), 13, Set.of(0));
  private static final Map<Integer, Set<Integer>> DRAFTERS_8B =
      Map.of(
          9,
          Set.of(0, 1, 2),
          10,
          Set.of(0, 1, 2),
          11,
          Set.of(0, 1, 2),
          12,
          Set.of(0, 1, 2),
          13,
          Set.of(0, 1, 2));

  /** Published: budgets/2b_10%_budget.json of StargazerX0/ScaleKV. Scale, High, Max, Min, Limit. */
  private static final int[][] RELEASED_2B = {
    {9, 2, 920, 632, 921},
    {10, 2, 1490, 594, 1496},
    {11, 2, 2510, 526, 2514},
    {12, 2, 4100, 420, 4110},
    {13, 1, 6385, 465, 6404}
  };

  /**
   * Published: budgets/8b_10%_budget.json of StargazerX0/ScaleKV; scale 13 meets the floor, 200.
   */
  private static final int[][] RELEASED_8B = {
    {9, 3, 909, 629, 921},
    {10, 3, 1464, 584, 1485},
    {11, 3, 2463, 503, 2488},
    {12, 3, 4054, 374, 4063},
    {13, 3, 6200, 200, 6358}
  };

  @Test
  void bothReleasedTablesFollowFromTheRule() {
    BudgetTable small = rule(32, 650, DRAFTERS_2B).released();
    assertThat(numbers(small)).isDeepEqualTo(RELEASED_2B);
    BudgetTable large = rule(40, 650, DRAFTERS_8B).released();
    assertThat(numbers(large)).isDeepEqualTo(RELEASED_8B);
    assertThat(small.rows()).allSatisfy(row -> assertThat(row.total()).isEqualTo(32 * 650));
    assertThat(large.rows()).allSatisfy(row -> assertThat(row.total()).isEqualTo(40 * 650));
    assertThat(small.capacity(12, 23)).isEqualTo(4100);
    assertThat(small.capacity(13, 23)).isEqualTo(465);
    assertThat(small.capacity(8, 0)).isEqualTo(Budgets.UNLIMITED);
  }

  @Test
  void aUniformBudgetOf1300FirstCompressesBeforeScale10() {
    assertThat(maxAndMin(rule(32, 1300, DRAFTERS_2B).released()))
        .containsExactly("10: 1495/1287", "11: 2515/1219", "12: 4105/1113", "13: 6384/1136");
    assertThat(maxAndMin(rule(40, 1300, DRAFTERS_8B).released()))
        .containsExactly("10: 1485/1285", "11: 2484/1204", "12: 4075/1075", "13: 6369/889");
  }

  @Test
  void aTightBudgetMeetsItsFloorAndRoundsTheDraftersDown() {
    BudgetTable table = rule(32, 265, DRAFTERS_2B).released();
    assertThat(table.rows())
        .extracting(BudgetTable.Row::scale)
        .containsExactly(8, 9, 10, 11, 12, 13);
    assertThat(table.rows().iterator().next().max()).isEqualTo(265);
    // 265 / 3 = 88, and (32 * 265 - 30 * 88) / 2 = 2920.
    assertThat(maxAndMin(table))
        .containsExactly(
            "8: 265/265",
            "9: 655/239",
            "10: 1225/201",
            "11: 2245/133",
            "12: 2920/88",
            "13: 5194/106");
    BudgetRule odd = new BudgetRule(INFINITY_1M, 4, 50, Map.of(13, Set.of(0, 1, 3)), 16, 17);
    assertThat(maxAndMin(odd.released())).contains("13: 61/17");
  }

  @Test
  void rowsOfOneRoleGiveEveryLayerTheUniformBudget() {
    for (Set<Integer> drafters : List.of(Set.<Integer>of(), Set.of(0, 1, 2))) {
      Map<Integer, Set<Integer>> map = Map.of(13, drafters);
      for (BudgetTable table :
          List.of(rule(3, 650, map).released(), rule(3, 650, map).paper(600, 50))) {
        for (int layer = 0; layer < 3; layer++) {
          assertThat(table.capacity(13, layer)).isEqualTo(650);
        }
      }
    }
    // What a layer with 650 tokens holds after the next map.
    assertThat(rule(3, 650, Map.of()).released().rows())
        .extracting(BudgetTable.Row::limit)
        .containsExactly(921, 1226, 1674, 2250, 2954);
  }

  @Test
  void thePapersRuleDecaysLinearlyAndHoldsTheMean() {
    BudgetTable table = rule(32, 650, DRAFTERS_2B).paper(600, 70);
    assertThat(maxAndMin(table))
        .containsExactly(
            "9: 1400/600", "10: 2450/530", "11: 3500/460", "12: 4550/390", "13: 10880/320");
    assertThat(table.rows()).allSatisfy(row -> assertThat(row.mean()).isEqualTo(650.0));
    BudgetTable floored = rule(32, 650, DRAFTERS_2B).paper(600, 200);
    assertThat(maxAndMin(floored)).contains("11: 7400/200", "12: 7400/200");
    assertThat(maxAndMin(rule(32, 650, DRAFTERS_2B).paper(100, 0))).contains("9: 7400/200");
  }

  @Test
  void defaultFloors() {
    assertThat(BudgetRule.defaultFloor(650, 16)).isEqualTo(200);
    assertThat(BudgetRule.defaultFloor(265, 16)).isEqualTo(88);
    assertThat(BudgetRule.defaultFloor(30, 16)).isEqualTo(16);
  }

  @Test
  void aBudgetThatNoHistoryExceedsGivesNoRow() {
    assertThat(rule(32, 6425, DRAFTERS_2B).released().rows()).isEmpty();
    assertThat(rule(32, 6424, Map.of()).released().rows()).hasSize(1);
  }

  @Test
  void aRuleKeepsTheDraftersThatItWasMadeWith() {
    Set<Integer> layers = new HashSet<>(Set.of(0));
    BudgetRule rule = rule(32, 650, Map.of(13, layers));
    BudgetTable table = rule.released();
    layers.add(99);
    assertThat(rule.released()).isEqualTo(table);
  }

  @Test
  void badRulesAreRefused() {
    assertThatThrownBy(() -> rule(32, 15, Map.of()))
        .hasMessage("uniform: 15, expected at least the window's 16 tokens");
    assertThatThrownBy(() -> new BudgetRule(INFINITY_1M, 32, 650, Map.of(), 16, 15))
        .hasMessage("floor: 15, expected at least the window's 16 tokens");
    assertThatThrownBy(() -> new BudgetRule(INFINITY_1M, 32, 650, Map.of(), 16, 651))
        .hasMessage("floor: 651, expected at most the uniform budget, 650");
    assertThatThrownBy(() -> rule(32, 650, Map.of(14, Set.of(0))))
        .hasMessage("drafters: scale number 14, expected 1..13");
    assertThatThrownBy(() -> rule(32, 650, Map.of(9, Set.of(32))))
        .hasMessage("drafters of scale number 9: layer 32, expected 0..31");
    assertThatThrownBy(() -> rule(0, 650, Map.of())).hasMessageContaining("layers: 0");
    assertThatThrownBy(() -> rule(1 << 20, 1 << 20, Map.of())).hasMessageContaining("2^31");
    assertThatThrownBy(() -> rule(32, 650, DRAFTERS_2B).paper(700, 1))
        .hasMessage(
            "br0: 700, expected fewer tokens: it leaves -100 to each drafter, less than the"
                + " window's 16");
    assertThatThrownBy(() -> rule(32, 650, Map.of()).paper(-1, 1)).hasMessageContaining("br0: -1");
    assertThatThrownBy(() -> rule(32, 650, Map.of()).paper(600, -1))
        .hasMessageContaining("delta: -1");
  }

  private static BudgetRule rule(int layers, int uniform, Map<Integer, Set<Integer>> drafters) {
    return new BudgetRule(INFINITY_1M, layers, uniform, drafters, 16);
  }

  private static int[][] numbers(BudgetTable table) {
    return table.rows().stream()
        .map(row -> new int[] {row.scale(), row.high(), row.max(), row.min(), row.limit()})
        .toArray(int[][]::new);
  }

  private static List<String> maxAndMin(BudgetTable table) {
    return table.rows().stream()
        .map(row -> row.scale() + ": " + row.max() + "/" + row.min())
        .toList();
  }
}
