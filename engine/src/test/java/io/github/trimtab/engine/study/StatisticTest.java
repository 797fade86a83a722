package io.github.trimtab.engine.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class StatisticTest {

  @Test
  void theErrorIsTheSamplesDeviationOverTheRootOfItsSize() {
    Statistic statistic = Statistic.of(new double[] {1, 2, 3, 6});
    assertThat(statistic.mean()).isEqualTo(3);
    assertThat(statistic.error()).isCloseTo(Math.sqrt(14.0 / 3 / 4), within(1e-12));
    assertThat(Statistic.of(new double[] {5})).isEqualTo(new Statistic(5, 0));
  }

  @Test
  void differencesArePairedSoThatWhatItemsShareCancels() {
    Statistic difference =
        Statistic.ofDifferences(new double[] {11, 101, 1001}, new double[] {10, 100, 1000});
    assertThat(difference).isEqualTo(new Statistic(1, 0));
  }
}
