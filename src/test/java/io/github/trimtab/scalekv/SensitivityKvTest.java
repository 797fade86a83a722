package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.kv.Retention;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class SensitivityKvTest {
  private static final Schedule SCHEDULE = Schedule.ofSides(1, 2, 4, 6, 8);
  private static final int LAYERS = 4;

  /** Layers 2 and 0 pay most, in this order; 3 nothing. */
  private static Sensitivity sensitivity() {
    double[][] rise = new double[LAYERS][SCHEDULE.scales()];
    for (int scale = 1; scale < SCHEDULE.scales(); scale++) {
      rise[0][scale] = 0.4;
      rise[1][scale] = 0.1;
      rise[2][scale] = 0.8;
    }
    return Sensitivity.at(0.1, rise);
  }

  @Test
  void theRiseIsInterpolatedAndEndsAtTheWholeHistory() {
    Sensitivity two =
        new Sensitivity(new double[] {0.01, 0.1}, new double[][][] {{{3, 9}}, {{1, 5}}});
    assertThat(two.rise(0, 0, 0.01)).isEqualTo(3);
    assertThat(two.rise(0, 0, 0.1)).isCloseTo(1, within(1e-12));
    assertThat(two.rise(0, 1, Math.sqrt(0.001))).isCloseTo(7, within(1e-12));
    assertThat(two.rise(0, 0, Math.sqrt(0.1))).isCloseTo(0.5, within(1e-12));
    assertThat(two.rise(0, 0, 0.001)).isCloseTo(5, within(1e-12));
    assertThat(two.rise(0, 0, 1)).isZero();
    assertThat(two.rise(0, 0, 2)).isZero();
  }

  @Test
  void theMostSensitiveLayersAreFavouredWithinTheUniformTotal() {
    Sensitivity sensitivity = sensitivity();
    assertThat(sensitivity.mostSensitive(2).get(4)).isEqualTo(Set.of(0, 2));
    assertThat(sensitivity.mostSensitive(1).get(5)).isEqualTo(Set.of(2));
    BudgetTable table = SensitivityKv.favouring(SCHEDULE, 10, sensitivity, 1, 3, 2);
    assertThat(table.scales()).containsExactly(4, 5);
    // All that is held, 21, then three times 10: each down to where the others' share is whole.
    assertThat(table.capacity(4, 2)).isEqualTo(19);
    assertThat(table.capacity(4, 3)).isEqualTo(7);
    assertThat(table.capacity(5, 2)).isEqualTo(28);
    assertThat(table.capacity(5, 3)).isEqualTo(4);
    for (int scale : table.scales()) {
      assertThat(table.total(scale)).isEqualTo(10L * LAYERS);
    }
    assertThat(BudgetReport.of(table, 2).oddities()).isEmpty();
  }

  @Test
  void leastLossDividesByThePrice() {
    // Costs that fall with the logarithm of the tokens: tokens in proportion to the price.
    CapacityTable table = SensitivityKv.leastLoss(SCHEDULE, 12, sensitivity(), 1);
    assertThat(table.scales()).containsExactly(4, 5);
    assertThat(table.capacity(5, 3, 0)).isEqualTo(1);
    assertThat(table.capacity(5, 2, 0) / 8.0).isCloseTo(table.capacity(5, 1, 0), within(0.6));
    assertThat(table.capacity(5, 0, 0) / 4.0).isCloseTo(table.capacity(5, 1, 0), within(0.6));
    assertThat(table.total(5)).isEqualTo(12L * LAYERS);
    // Before scale 4 there are 21 tokens, and no layer can hold more.
    assertThat(table.capacity(4, 2, 0)).isEqualTo(21);
    assertThat(table.total(4)).isEqualTo(12L * LAYERS);
  }

  @Test
  void headsAreDividedAmongLikeLayers() {
    CapacityTable apart = SensitivityKv.leastLoss(SCHEDULE, 12, sensitivity(), 1);
    CapacityTable table = SensitivityKv.leastLossOfHeads(SCHEDULE, 12, sensitivity(), 2, 1);
    assertThat(table.layers()).isEqualTo(2);
    assertThat(table.heads()).isEqualTo(2);
    assertThat(table.scales()).isEqualTo(apart.scales());
    for (int part = 0; part < LAYERS; part++) {
      assertThat(table.capacity(5, part / 2, part % 2)).isEqualTo(apart.capacity(5, part, 0));
    }
    assertThatThrownBy(() -> SensitivityKv.leastLossOfHeads(SCHEDULE, 12, sensitivity(), 3, 1))
        .hasMessage("heads: 3, expected a divisor of the 4 measured");
  }

  @Test
  void noOtherDivisionOfMeasuredCurvesLosesLess() {
    Random random = new Random(5);
    for (int trial = 0; trial < 50; trial++) {
      double[][][] rise = new double[2][3][4];
      for (int layer = 0; layer < 3; layer++) {
        double high = random.nextDouble();
        rise[0][layer][3] = high;
        rise[1][layer][3] = high * random.nextDouble() * 0.5;
      }
      Schedule schedule = Schedule.ofTokens(1, 4, 16, 4);
      Sensitivity sensitivity = new Sensitivity(new double[] {0.1, 0.4}, rise);
      int uniform = 5 + random.nextInt(8);
      int[] best = new int[3];
      CapacityTable table = SensitivityKv.leastLoss(schedule, uniform, sensitivity, 1);
      for (int layer = 0; layer < 3; layer++) {
        best[layer] = table.capacity(4, layer, 0);
      }
      assertThat(table.total(4)).isEqualTo(3L * uniform);
      double least = Double.POSITIVE_INFINITY;
      for (int a = 1; a <= 21; a++) {
        for (int b = 1; b <= 21; b++) {
          int c = 3 * uniform - a - b;
          if (c >= 1 && c <= 21) {
            least = Math.min(least, loss(sensitivity, a, b, c));
          }
        }
      }
      // The last stretch of a hull may be given in part, where the curve lies above the hull.
      double largestStep = 0.05;
      assertThat(loss(sensitivity, best)).isBetween(least - 1e-12, least + largestStep);
    }
  }

  private static double loss(Sensitivity sensitivity, int... tokens) {
    double loss = 0;
    for (int layer = 0; layer < tokens.length; layer++) {
      loss += sensitivity.rise(layer, 3, tokens[layer] / 21.0);
    }
    return loss;
  }

  @Test
  void thePolicyLetsAllQueriesJudge() {
    Budgets budgets = SensitivityKv.favouring(SCHEDULE, 10, sensitivity(), 1, 3, 2);
    ScaleKv policy = SensitivityKv.policy(SCHEDULE, budgets, 1);
    assertThat(policy.after(2, 1, 4)).isInstanceOf(Retention.All.class);
    assertThat(policy.after(2, 2, 16).toString()).contains("16 queries, window of 0");
    assertThat(policy.after(2, 3, 36).kept(0, 21, 36)).isEqualTo(28);
    assertThat(policy.after(0, 4, 64)).isInstanceOf(Retention.History.class);
  }

  @Test
  void badInputIsRefused() {
    double[][] rise = {{1, 2}};
    assertThatThrownBy(() -> Sensitivity.at(1, rise))
        .hasMessage("shares[0]: 1.0, expected above 0.0 and below 1");
    assertThatThrownBy(() -> Sensitivity.at(0.1, new double[][] {{1, Double.NaN}}))
        .hasMessage("rise[0][0]: NaN, expected finite numbers");
    assertThatThrownBy(() -> Sensitivity.at(0.1, new double[][] {{1, 2}, {1}}))
        .hasMessage("rise[0][1]: 1 scales, expected 2");
    Sensitivity other = Sensitivity.at(0.1, rise);
    assertThatThrownBy(() -> SensitivityKv.leastLoss(SCHEDULE, 10, other, 1))
        .hasMessage("sensitivity: 2 scales, expected 5 as the schedule has");
    assertThatThrownBy(() -> SensitivityKv.leastLoss(SCHEDULE, 10, sensitivity(), 11))
        .hasMessage("floor: 11, expected 1..10");
    assertThatThrownBy(() -> sensitivity().mostSensitive(5)).hasMessage("count: 5, expected 0..4");
  }
}
