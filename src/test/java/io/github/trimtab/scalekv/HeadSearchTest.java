package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class HeadSearchTest {
  private static final Schedule SCHEDULE = Schedule.ofSides(1, 2, 4, 6, 8);
  private static final int LAYERS = 2;
  private static final int HEADS = 3;
  private static final int ALL = LAYERS * HEADS;

  private static CapacityTable table(int... fourthThenFifth) {
    Map<Integer, int[][]> rows = new TreeMap<>();
    for (int scale = 4; scale <= 5; scale++) {
      int[][] row = new int[LAYERS][HEADS];
      for (int head = 0; head < ALL; head++) {
        row[head / HEADS][head % HEADS] = fourthThenFifth[(scale - 4) * ALL + head];
      }
      rows.put(scale, row);
    }
    return new CapacityTable(LAYERS, HEADS, rows);
  }

  private static int capacity(CapacityTable table, int scale, int head) {
    return table.capacity(scale, head / HEADS, head % HEADS);
  }

  @Test
  void aHeadGrowsByHalfAsFarAsItCanHold() {
    HeadSearch search = new HeadSearch(SCHEDULE, 12, 1);
    // 21 tokens come before scale 4, and 36 with it.
    CapacityTable table = table(8, 20, 12, 12, 12, 12, 8, 50, 12, 12, 12, 12);
    CapacityTable grown = search.grown(table);
    for (int head = 0; head < ALL; head++) {
      CapacityTable one = search.grown(table, head);
      for (int other = 0; other < ALL; other++) {
        for (int scale : table.scales()) {
          CapacityTable expected = other == head ? grown : table;
          assertThat(capacity(one, scale, other)).isEqualTo(capacity(expected, scale, other));
        }
      }
    }
    assertThat(capacity(grown, 4, 0)).isEqualTo(12);
    assertThat(capacity(grown, 4, 1)).isEqualTo(21);
    assertThat(capacity(grown, 5, 1)).isEqualTo(21 + 36);
  }

  /** What pictures save whose losses are minus the weights times the logarithm of the tokens. */
  private static double[][][] saved(
      HeadSearch search, CapacityTable table, double[] weights, double noise, Random random) {
    double[][][] saved = new double[8][ALL][SCHEDULE.scales()];
    CapacityTable grown = search.grown(table);
    for (double[][] picture : saved) {
      for (int head = 0; head < ALL; head++) {
        for (int scale : table.scales()) {
          double growth =
              Math.log((double) capacity(grown, scale, head) / capacity(table, scale, head));
          picture[head][scale - 1] = growth * (weights[head] + noise * random.nextGaussian());
        }
      }
    }
    return saved;
  }

  @Test
  void stepsLeadToBudgetsInProportionToWorth() {
    HeadSearch search = new HeadSearch(SCHEDULE, 10, 1);
    double[] weights = {0.2, 0.1, 0.3, 0.1, 0.05, 0.25};
    int[] uniform = new int[2 * ALL];
    Arrays.fill(uniform, 10);
    CapacityTable table = table(uniform);
    for (int step = 0; step < 4; step++) {
      table = search.next(table, saved(search, table, weights, 1e-4, new Random(step)));
    }
    for (int head = 0; head < ALL; head++) {
      assertThat((double) capacity(table, 5, head)).isCloseTo(60 * weights[head], within(1.5));
    }
  }

  @Test
  void whatPicturesDoNotAgreeOnMovesLittle() {
    HeadSearch search = new HeadSearch(SCHEDULE, 10, 1);
    double[] weights = {0.2, 0.1, 0.3, 0.1, 0.05, 0.25};
    int[] uniform = new int[2 * ALL];
    Arrays.fill(uniform, 10);
    CapacityTable table =
        search.next(table(uniform), saved(search, table(uniform), weights, 3, new Random(1)));
    for (int head = 0; head < ALL; head++) {
      assertThat(capacity(table, 5, head)).isBetween(8, 12);
    }
  }

  @Test
  void withoutASavingNothingMoves() {
    HeadSearch search = new HeadSearch(SCHEDULE, 12, 2);
    CapacityTable table = table(8, 20, 12, 10, 20, 2, 8, 40, 10, 5, 2, 7);
    CapacityTable next = search.next(table, new double[2][ALL][SCHEDULE.scales()]);
    assertThat(next).hasToString(table.toString());
  }

  @Test
  void everyStepKeepsTheSumTheFloorAndWhatHeadsCanHold() {
    Random random = new Random(3);
    for (int trial = 0; trial < 200; trial++) {
      int uniform = 6 + random.nextInt(14);
      int floor = 1 + random.nextInt(3);
      HeadSearch search = new HeadSearch(SCHEDULE, uniform, floor);
      int[] tokens = new int[2 * ALL];
      Arrays.fill(tokens, uniform);
      CapacityTable table = table(tokens);
      for (int step = 0; step < 3; step++) {
        double[][][] saved = new double[3][ALL][SCHEDULE.scales()];
        for (double[][] picture : saved) {
          for (double[] head : picture) {
            Arrays.setAll(head, i -> random.nextGaussian(0.1, 0.2));
          }
        }
        table = search.next(table, saved);
        assertThat(table.scales()).containsExactly(4, 5);
        for (int head = 0; head < ALL; head++) {
          assertThat(capacity(table, 4, head)).isBetween(floor, 21);
          assertThat(capacity(table, 5, head)).isBetween(floor, capacity(table, 4, head) + 36);
        }
        assertThat(table.total(4)).isEqualTo((long) uniform * ALL);
        assertThat(table.total(5)).isEqualTo((long) uniform * ALL);
      }
    }
  }

  @Test
  void headsThatCannotHoldAUniformBudgetGetWhatTheyCan() {
    HeadSearch search = new HeadSearch(SCHEDULE, 100, 1);
    int[] tokens = new int[2 * ALL];
    Arrays.fill(tokens, 12);
    CapacityTable table = search.next(table(tokens), new double[2][ALL][SCHEDULE.scales()]);
    for (int head = 0; head < ALL; head++) {
      assertThat(capacity(table, 4, head)).isEqualTo(21);
      assertThat(capacity(table, 5, head)).isEqualTo(21 + 36);
    }
  }

  @Test
  void badInputIsNamed() {
    assertThatThrownBy(() -> new HeadSearch(SCHEDULE, 10, 11))
        .hasMessage("floor: 11, expected 1..10");
    HeadSearch search = new HeadSearch(SCHEDULE, 10, 1);
    CapacityTable table = table(new int[2 * ALL]);
    assertThatThrownBy(() -> search.next(table, new double[1][ALL][5]))
        .hasMessage("saved: 1 pictures, expected 2 or more");
    assertThatThrownBy(() -> search.next(table, new double[2][ALL - 1][SCHEDULE.scales()]))
        .hasMessage("saved[0]: 5 heads, expected 6");
    double[][][] saved = new double[2][ALL][SCHEDULE.scales()];
    saved[1][3][4] = Double.NaN;
    assertThatThrownBy(() -> search.next(table, saved))
        .hasMessage("saved[1][3]: NaN, expected finite numbers");
    saved[1][3] = new double[1];
    assertThatThrownBy(() -> search.next(table, saved))
        .hasMessage("saved[1][3]: 1 scales, expected 5");
  }
}
