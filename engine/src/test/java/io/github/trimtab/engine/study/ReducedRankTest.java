package io.github.trimtab.engine.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReducedRankTest {
  private static final int INPUTS = 5;
  private static final int SIZE = 4;
  private static final int SAMPLES = 40;

  private final double[] xx = new double[INPUTS * INPUTS];
  private final double[] xy = new double[INPUTS * SIZE];
  private final double[] truth = new double[INPUTS * SIZE];
  private double yy;

  /** y = x truth, whose last column is the first one's double, so that three directions are all. */
  ReducedRankTest() {
    Random random = new Random(1);
    for (int i = 0; i < INPUTS; i++) {
      for (int d = 0; d < SIZE - 1; d++) {
        truth[i * SIZE + d] = random.nextGaussian() / (1 + 3 * d);
      }
      truth[i * SIZE + SIZE - 1] = 2 * truth[i * SIZE];
    }
    for (int sample = 0; sample < SAMPLES; sample++) {
      double[] x = random.doubles(INPUTS, -1, 1).toArray();
      double[] y = new double[SIZE];
      for (int i = 0; i < INPUTS; i++) {
        for (int d = 0; d < SIZE; d++) {
          y[d] += x[i] * truth[i * SIZE + d];
        }
      }
      for (int i = 0; i < INPUTS; i++) {
        for (int j = 0; j <= i; j++) {
          xx[i * INPUTS + j] += x[i] * x[j];
        }
        for (int d = 0; d < SIZE; d++) {
          xy[i * SIZE + d] += x[i] * y[d];
        }
      }
      yy += Arrays.stream(y).map(v -> v * v).sum();
    }
  }

  private ReducedRank fit(int rank, double penalty) {
    double[] penalties = new double[INPUTS];
    Arrays.fill(penalties, penalty);
    return ReducedRank.fit(SIZE, rank, xx, xy, penalties);
  }

  private static double[] map(ReducedRank fit, int rank) {
    double[] map = new double[INPUTS * SIZE];
    for (int i = 0; i < INPUTS; i++) {
      for (int d = 0; d < SIZE; d++) {
        for (int k = 0; k < rank; k++) {
          map[i * SIZE + d] += fit.down()[i * rank + k] * fit.up()[k * SIZE + d];
        }
      }
    }
    return map;
  }

  private double moment(int i, int j) {
    return xx[Math.max(i, j) * INPUTS + Math.min(i, j)];
  }

  @Test
  void aLinearFunctionOfThatRankIsFoundAgain() {
    for (int rank = 3; rank <= SIZE; rank++) {
      double[] found = map(fit(rank, 1e-12), rank);
      for (int i = 0; i < truth.length; i++) {
        assertThat(found[i]).isCloseTo(truth[i], within(1e-9));
      }
    }
  }

  /** At the minimum the gradient of squared error plus penalty is zero. */
  @Test
  void aPenaltyDrawsTowardsNothing() {
    double[] found = map(fit(SIZE, 2), SIZE);
    for (int i = 0; i < INPUTS; i++) {
      for (int d = 0; d < SIZE; d++) {
        double gradient = 2 * found[i * SIZE + d] - xy[i * SIZE + d];
        for (int j = 0; j < INPUTS; j++) {
          gradient += moment(i, j) * found[j * SIZE + d];
        }
        assertThat(gradient).isCloseTo(0, within(1e-9));
      }
    }
  }

  /** Each direction more leaves less, and one leaves no more than the best of single columns. */
  @Test
  void theLargestDirectionsComeFirst() {
    double before = yy;
    for (int rank = 1; rank <= 3; rank++) {
      double left = left(map(fit(rank, 1e-12), rank));
      assertThat(left).isLessThan(before - 1e-6);
      before = left;
    }
    assertThat(before).isCloseTo(0, within(1e-8));
    double[] first = new double[truth.length];
    for (int i = 0; i < INPUTS; i++) {
      first[i * SIZE] = truth[i * SIZE];
      first[i * SIZE + SIZE - 1] = truth[i * SIZE + SIZE - 1];
    }
    assertThat(left(map(fit(1, 1e-12), 1))).isLessThan(left(first));
  }

  private double left(double[] map) {
    double left = yy;
    for (int d = 0; d < SIZE; d++) {
      for (int i = 0; i < INPUTS; i++) {
        left -= 2 * map[i * SIZE + d] * xy[i * SIZE + d];
        for (int j = 0; j < INPUTS; j++) {
          left += map[i * SIZE + d] * map[j * SIZE + d] * moment(i, j);
        }
      }
    }
    return left;
  }

  @Test
  void whatHasNothingToExplainGetsNothing() {
    double[] penalty = {1, 1, 1, 1, 1};
    ReducedRank fit = ReducedRank.fit(SIZE, 2, xx, new double[xy.length], penalty);
    assertThat(fit.down()).containsOnly(0);
    assertThat(fit.up()).containsOnly(0);
  }
}
