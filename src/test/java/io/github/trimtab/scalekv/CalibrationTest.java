package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class CalibrationTest {
  private static final Schedule INFINITY_1M =
      Schedule.ofSides(1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64);

  /** An index of one prompt: layers by row of {@code values}, scales by column from number 1. */
  private static SelectivityIndex index(double[]... values) {
    SelectivityIndex index = new SelectivityIndex(values[0].length, values.length);
    for (int layer = 0; layer < values.length; layer++) {
      for (int scale = 1; scale <= values[layer].length; scale++) {
        index.add(scale, layer, values[layer][scale - 1]);
      }
    }
    return index;
  }

  @Test
  void promptsAreAveraged() {
    SelectivityIndex index = new SelectivityIndex(2, 1);
    index.add(2, 0, 0.25);
    index.add(2, 0, 0.5);
    index.add(2, 0, 0);
    assertThat(index.mean(2, 0)).isEqualTo(0.25);
    assertThatIllegalStateException()
        .isThrownBy(() -> index.mean(1, 0))
        .withMessage("scale number 1, layer 0: not observed, expected an index");
    assertThatIllegalStateException().isThrownBy(() -> index.zScore(1, 0));
  }

  @Test
  void zScoresHaveMeanZeroAndDeviationOneOverTheLayersOfAScale() {
    Random random = new Random(4);
    double[][] values = new double[9][3];
    for (double[] layer : values) {
      for (int scale = 0; scale < 3; scale++) {
        layer[scale] = random.nextDouble() / (scale + 1);
      }
    }
    SelectivityIndex index = index(values);
    for (int scale = 1; scale <= 3; scale++) {
      double sum = 0;
      double squares = 0;
      for (int layer = 0; layer < 9; layer++) {
        sum += index.zScore(scale, layer);
        squares += Math.pow(index.zScore(scale, layer), 2);
      }
      assertThat(sum).isCloseTo(0, within(1e-9));
      assertThat(squares / 9).isCloseTo(1, within(1e-9));
    }
    // By hand: 0.1, 0.2, 0.6 have mean 0.3 and deviation sqrt(0.14 / 3).
    SelectivityIndex small = index(new double[] {0.1}, new double[] {0.2}, new double[] {0.6});
    assertThat(small.zScore(1, 0)).isCloseTo(-0.2 / Math.sqrt(0.14 / 3), within(1e-9));
  }

  @Test
  void theSmallestZScoresOfAllScalesAreDrafters() {
    // Layer 1 stands out at number 2, layer 0 less so at number 3, and nothing at number 1.
    SelectivityIndex index =
        index(
            new double[] {0.5, 0.40, 0.35},
            new double[] {0.5, 0.10, 0.50},
            new double[] {0.5, 0.41, 0.52},
            new double[] {0.5, 0.42, 0.40});
    assertThat(index.drafters(1, 0)).isEmpty();
    assertThat(index.drafters(1, 1)).isEqualTo(Map.of(2, Set.of(1)));
    assertThat(index.drafters(1, 2)).isEqualTo(Map.of(2, Set.of(1), 3, Set.of(0)));
    assertThat(index.drafters(3, 2)).isEqualTo(Map.of(3, Set.of(0, 3)));
    assertThat(index.drafters(1, 12).values())
        .allSatisfy(layers -> assertThat(layers).containsExactlyInAnyOrder(0, 1, 2, 3));
  }

  @Test
  void equalScoresGoByScaleThenLayer() {
    SelectivityIndex index = index(new double[] {0.5, 0.5}, new double[] {0.5, 0.5});
    assertThat(index.zScore(2, 1)).isZero();
    assertThat(index.drafters(1, 3)).isEqualTo(Map.of(1, Set.of(0, 1), 2, Set.of(0)));
  }

  @Test
  void withoutACountTheOutliersAreDrafters() {
    double[][] values = new double[32][13];
    for (int layer = 0; layer < 32; layer++) {
      for (int scale = 0; scale < 13; scale++) {
        boolean drafter = layer == 0 || (layer == 23 && scale < 12);
        values[layer][scale] = drafter ? 0.05 : 0.5 + 0.01 * (layer % 3);
      }
    }
    Calibration calibration = new Calibration(INFINITY_1M, index(values), 650);
    assertThat(calibration.drafterCount()).isEqualTo(9);
    assertThat(calibration.rule(9, 16).released())
        .isEqualTo(
            new BudgetRule(
                    INFINITY_1M,
                    32,
                    650,
                    Map.of(
                        9,
                        Set.of(0, 23),
                        10,
                        Set.of(0, 23),
                        11,
                        Set.of(0, 23),
                        12,
                        Set.of(0, 23),
                        13,
                        Set.of(0)),
                    16)
                .released());
    // Layers that are all alike still give one drafter.
    assertThat(index(new double[] {0.5}, new double[] {0.5}).drafterCount(1)).isEqualTo(1);
  }

  @Test
  void scalesThatKeepEverythingHaveNoDrafters() {
    // Only numbers 3 and 4 have more than 5 tokens of history; 1 and 2 were never observed.
    Schedule schedule = Schedule.ofSides(1, 2, 3, 4);
    SelectivityIndex index = new SelectivityIndex(4, 3);
    for (int layer = 0; layer < 3; layer++) {
      index.add(4, layer, layer == 1 ? 0.1 : 0.7);
      index.add(3, layer, layer == 2 ? 0.6 : 0.7);
    }
    Calibration tight = new Calibration(schedule, index, 4);
    assertThat(tight.drafters(2)).isEqualTo(Map.of(3, Set.of(2), 4, Set.of(1)));
    assertThat(new Calibration(schedule, index, 5).drafters(1)).isEqualTo(Map.of(4, Set.of(1)));
    Calibration loose = new Calibration(schedule, index, 14);
    assertThat(loose.drafterCount()).isZero();
    assertThat(loose.rule(0, 4).released().rows()).isEmpty();
  }

  @Test
  void badInputIsNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SelectivityIndex(0, 1))
        .withMessage("scales: 0, expected 1 or more");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new SelectivityIndex(1, 0))
        .withMessage("layers: 0, expected 1 or more");
    SelectivityIndex index = index(new double[] {0.5, 0.5});
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.add(3, 0, 0.5))
        .withMessage("scale number: 3, expected 1..2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.add(1, -1, 0.5))
        .withMessage("layer: -1, expected 0..0");
    for (double bad : new double[] {Double.NaN, -0.1, 1.1, Double.POSITIVE_INFINITY}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> index.add(2, 0, bad))
          .withMessage("selectivity of scale number 2, layer 0: " + bad + ", expected 0 to 1");
    }
    assertThat(index.mean(2, 0)).isEqualTo(0.5);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.drafters(1, 3))
        .withMessage("count: 3, expected 0 to 2 pairs");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> index.drafters(4, 0))
        .withMessage("firstScale: 4, expected 1..3");
    Schedule schedule = Schedule.ofSides(1, 2, 3);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Calibration(schedule, index, 4))
        .withMessage("index: 2 scales, expected 3 as the schedule has");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Calibration(Schedule.ofSides(1, 2), index, 0))
        .withMessage("uniform: 0, expected 1 or more");
  }
}
