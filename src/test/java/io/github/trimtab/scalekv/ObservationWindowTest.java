package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ObservationWindowTest {
  /** The released code's centres at the sides of Infinity's 1024-px schedule, and two odd sides. */
  @ParameterizedTest
  @CsvSource({
    "20, 2 7 12 17",
    "24, 2 8 14 20",
    "32, 3 11 19 27",
    "40, 4 14 24 34",
    "48, 5 17 29 41",
    "64, 7 23 39 55",
    "13, 1 4 7 10",
    "5, 0 1 2 3"
  })
  void centresAreThoseOfTheReleasedCode(int side, String centres) {
    int[] positions = ObservationWindow.GRID_4.positions(side, side);
    String[] expected = centres.split(" ", -1);
    assertThat(positions).hasSize(16);
    for (int i = 0; i < 16; i++) {
      int row = Integer.parseInt(expected[i / 4]);
      int column = Integer.parseInt(expected[i % 4]);
      assertThat(positions[i]).isEqualTo(row * side + column);
    }
  }

  @Test
  void anyGridOnAnyMap() {
    assertThat(new ObservationWindow(3, 3).positions(3, 3))
        .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8);
    assertThat(new ObservationWindow(2, 1).positions(4, 6)).containsExactly(2, 14);
  }

  @Test
  void aSideShorterThanTheGridGivesTheLastPositions() {
    assertThat(ObservationWindow.GRID_4.positions(1, 1)).containsExactly(0);
    assertThat(ObservationWindow.GRID_4.positions(3, 3)).hasSize(9).startsWith(0);
    assertThat(ObservationWindow.GRID_4.positions(2, 10)).hasSize(16).startsWith(4).endsWith(19);
  }

  @Test
  void badSizesAreRefused() {
    assertThatThrownBy(() -> new ObservationWindow(0, 4)).hasMessageContaining("0, 4");
    assertThatThrownBy(() -> ObservationWindow.GRID_4.positions(0, 3)).hasMessageContaining("0, 3");
  }
}
