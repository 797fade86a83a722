package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.kv.Retention;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class ScaleKvTest {
  private static final Schedule INFINITY_1M =
      Schedule.ofSides(1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64);
  private static final Set<Integer> DRAFTERS = Set.of(0, 23);
  private static final BudgetTable TABLE_2B =
      new BudgetRule(
              INFINITY_1M,
              32,
              650,
              Map.of(9, DRAFTERS, 10, DRAFTERS, 11, DRAFTERS, 12, DRAFTERS, 13, Set.of(0)),
              16)
          .released();
  private static final ScaleKv POLICY =
      new ScaleKv(
          INFINITY_1M, TABLE_2B, ObservationWindow.GRID_4, ScoringMode.OFFICIAL.scoring(0.125f));

  /**
   * Lengths at attention of a drafter and a refiner, as the released class was observed to have.
   */
  @Test
  void lengthsAreThoseOfTheReleasedClass() {
    int[] drafter = {1, 5, 21, 57, 121, 265, 521, 921, 1496, 2514, 4110, 6404, 10481};
    int[] refiner = {1, 5, 21, 57, 121, 265, 521, 921, 1208, 1618, 2126, 2724, 4561};
    int heldByDrafter = 0;
    int heldByRefiner = 0;
    for (int scale = 0; scale < 13; scale++) {
      int fresh = INFINITY_1M.tokens(scale);
      assertThat(heldByDrafter + fresh).isEqualTo(drafter[scale]);
      assertThat(heldByRefiner + fresh).isEqualTo(refiner[scale]);
      heldByDrafter = POLICY.after(0, scale, fresh).kept(0, heldByDrafter, fresh);
      heldByRefiner = POLICY.after(1, scale, fresh).kept(0, heldByRefiner, fresh);
    }
    // The last scale is not stored.
    assertThat(heldByDrafter).isEqualTo(6385);
    assertThat(heldByRefiner).isEqualTo(465);
  }

  @Test
  void decisionsFollowTheTable() {
    assertThat(POLICY.after(0, 6, 256)).isInstanceOf(Retention.All.class);
    assertThat(POLICY.after(0, 12, 4096)).isInstanceOf(Retention.History.class);
    Retention.Scored scored = (Retention.Scored) POLICY.after(23, 7, 400);
    assertThat(scored.capacity(0)).isEqualTo(920);
    assertThat(scored.scoring()).isEqualTo(Scoring.official(0.125f));
    assertThat(((Retention.Scored) POLICY.after(23, 11, 2304)).capacity(0)).isEqualTo(465);
    assertThat(ScoringMode.PAPER.scoring(1)).isEqualTo(Scoring.paper(1));
  }

  @Test
  void keptTokensOfAllLayersMeetTheUniformBudget() {
    PageLayout layout = new PageLayout(DType.BF16, 16, 16, 128);
    int[] stored = INFINITY_1M.tokens();
    PageForecast forecast = PageForecast.of(POLICY, layout, 32, 2, 16, stored);
    int pages = layout.pagesFor(6385) + 31 * layout.pagesFor(465);
    assertThat(forecast.lastPages()).isEqualTo(2 * pages);
    assertThat(forecast.maxTokens()).isEqualTo(6385);
  }

  @Test
  void whatDoesNotFitIsRefused() {
    assertThatThrownBy(() -> POLICY.after(0, 7, 401))
        .hasMessage("new tokens of scale 7: 401, expected 400 as the schedule has");
    assertThatThrownBy(() -> POLICY.after(0, 13, 1)).hasMessage("scale: 13, expected 0..12");
    assertThatThrownBy(() -> POLICY.after(32, 0, 1))
        .hasMessage("layer: 32, expected 0..31 as the budgets have");
    assertThatThrownBy(() -> POLICY.after(-1, 0, 1)).hasMessageContaining("layer: -1");
    Scoring scoring = ScoringMode.PAPER.scoring(1);
    assertThatThrownBy(
            () -> new ScaleKv(Schedule.VAR_256, TABLE_2B, ObservationWindow.GRID_4, scoring))
        .hasMessage("budgets: a row for scale number 11, expected 2..10 as the schedule has");
    BudgetTable tight =
        new BudgetTable(
            1, List.of(new BudgetTable.Row(10, List.of(LayerRole.REFINER), 0, 15, 15, 424)));
    assertThatThrownBy(
            () -> new ScaleKv(Schedule.VAR_256, tight, ObservationWindow.GRID_4, scoring))
        .hasMessage(
            "budget of scale number 10, layer 0: 15, expected at least the window's 16 tokens");
    // A window of nine fits.
    ScaleKv nine = new ScaleKv(Schedule.VAR_256, tight, new ObservationWindow(3, 3), scoring);
    assertThat(nine.after(0, 8, 169).kept(0, 255, 169)).isEqualTo(15);
  }
}
