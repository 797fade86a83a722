package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

final class ScheduleTest {
  @Test
  void presetsHoldTheTokensOfVar() {
    assertThat(Schedule.VAR_256.totalTokens()).isEqualTo(680);
    assertThat(Schedule.VAR_256.history(9)).isEqualTo(424);
    assertThat(Schedule.VAR_512.totalTokens()).isEqualTo(2240);
    assertThat(Schedule.VAR_512.history(9)).isEqualTo(1216);
  }

  @Test
  void everyShapeOfInfinityKeepsItsRatioAtEachOfItsSizes() {
    double[] ratios = {5 / 4.0, 4 / 3.0, 3 / 2.0, 7 / 4.0, 2, 5 / 2.0, 3};
    for (int shape = 0; shape < ratios.length; shape++) {
      Schedule schedule = InfinitySchedules.all().get(shape);
      assertThat(schedule.scales()).isEqualTo(13);
      for (int last : new int[] {6, 9, 11, 12}) {
        double ratio = (double) schedule.height(last) / schedule.width(last);
        assertThat(ratio).isCloseTo(ratios[shape], within(0.01));
      }
      // About 1024 x 1024 pixels, 16 x 16 a token.
      assertThat(schedule.tokens(12)).isBetween(3800, 4200);
    }
    assertThat(InfinitySchedules.all()).hasSize(ratios.length);
  }

  @Test
  void historyCountsTheScalesBefore() {
    Schedule schedule = Schedule.ofGrids(new int[] {1, 2, 6}, new int[] {1, 2, 4});
    assertThat(schedule.tokens()).containsExactly(1, 4, 24);
    assertThat(schedule.history(0)).isZero();
    assertThat(schedule.history(1)).isEqualTo(1);
    assertThat(schedule.history(2)).isEqualTo(5);
    assertThat(schedule.history(3)).isEqualTo(29);
  }

  @Test
  void badSchedulesAreRefused() {
    assertThatThrownBy(Schedule::ofSides).hasMessageContaining("expected 1 or more");
    assertThatThrownBy(() -> Schedule.ofSides(1, 0))
        .hasMessage("scale 1: 0 x 0, expected sides of 1 or more");
    assertThatThrownBy(() -> Schedule.ofSides(40000, 40000))
        .hasMessageContaining("fewer than 2^31");
    assertThatThrownBy(() -> Schedule.ofGrids(new int[] {1}, new int[] {1, 2}))
        .hasMessageContaining("widths: 2");
    assertThatThrownBy(() -> Schedule.VAR_256.tokens(10)).hasMessage("scale: 10, expected 0..9");
    assertThatThrownBy(() -> Schedule.VAR_256.history(11)).hasMessageContaining("scale");
  }
}
