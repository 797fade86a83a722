package io.github.trimtab.scalekv;

import static io.github.trimtab.scalekv.LayerRole.DRAFTER;
import static io.github.trimtab.scalekv.LayerRole.REFINER;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class BudgetReportTest {
  @Test
  void aTableByTheRuleIsNotOdd() {
    BudgetTable table =
        new BudgetRule(Schedule.VAR_512, 8, 122, Map.of(8, Set.of(0), 9, Set.of(0)), 9).released();
    BudgetReport report = BudgetReport.of(table, 9);
    assertThat(report.oddities()).isEmpty();
    assertThat(report.rows()).extracting(BudgetReport.Row::scale).containsExactly(7, 8, 9, 10);
    assertThat(report.rows()).allSatisfy(row -> assertThat(row.mean()).isEqualTo(122.0));
  }

  @Test
  void oddTablesAreDescribed() {
    BudgetTable table =
        new BudgetTable(
            2,
            List.of(
                new BudgetTable.Row(3, List.of(DRAFTER, REFINER), 2, 30, 40, 25),
                new BudgetTable.Row(4, List.of(REFINER, DRAFTER), 1, 30, 10, 30),
                new BudgetTable.Row(5, List.of(DRAFTER, REFINER), 1, 30, 20, 30),
                new BudgetTable.Row(7, List.of(DRAFTER, REFINER), 1, 30, 20, 30)));
    assertThat(BudgetReport.of(table, 16).oddities())
        .containsExactly(
            "Scale 3: High is 2, but 1 blocks are drafters.",
            "Scale 3: Min 40 exceeds Max 30.",
            "Scale 3: Max 30 exceeds Limit 25, the most that a drafter holds.",
            "Scale 4: the budget 10 is below the window's 16 tokens.",
            "Scale 4: the mean of 20.00 tokens differs from Scale 3's 35.00.",
            "Scale 5: the mean of 25.00 tokens differs from Scale 4's 20.00.",
            "Scale 5: layer 0 turns from refiner to drafter, so it cannot hold its budget.",
            "Scale 7: there is no row between it and Scale 5, so everything is kept there.");
  }
}
