package io.github.trimtab.engine.var;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SamplerTest {

  /** Probabilities 0.1, 0.4, 0.2, 0.3 of codes 0 to 3. */
  private static final float[] LOGITS = {
    (float) Math.log(0.1), (float) Math.log(0.4), (float) Math.log(0.2), (float) Math.log(0.3)
  };

  /** Share of each code over a fine grid of uniform numbers. */
  private static double[] shares(float[] logits, int topK, double topP) {
    double[] shares = new double[logits.length];
    int steps = 100_000;
    for (int i = 0; i < steps; i++) {
      shares[Sampler.draw(logits, topK, topP, (i + 0.5) / steps)] += 1.0 / steps;
    }
    return shares;
  }

  private static void assertShares(double[] actual, double... expected) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], 1e-4, "code " + i);
    }
  }

  @Test
  void withoutLimitsEachCodeHasItsProbability() {
    assertShares(shares(LOGITS, 4, 1), 0.1, 0.4, 0.2, 0.3);
    assertShares(shares(LOGITS, 100, 1), 0.1, 0.4, 0.2, 0.3);
  }

  @Test
  void topKKeepsTheLargest() {
    assertShares(shares(LOGITS, 2, 1), 0, 4 / 7.0, 0, 3 / 7.0);
    assertShares(shares(LOGITS, 1, 1), 0, 1, 0, 0);
  }

  @Test
  void tiesWithTheKthStay() {
    assertShares(shares(new float[] {1, 0, 1, 1}, 2, 1), 1 / 3.0, 0, 1 / 3.0, 1 / 3.0);
  }

  /** From the smallest on: 0.1 is at most 1 - 0.85, 0.1 + 0.2 is not. */
  @Test
  void topPDropsTheSmallestUpToItsRemainder() {
    assertShares(shares(LOGITS, 4, 0.85), 0, 4 / 9.0, 2 / 9.0, 3 / 9.0);
    assertShares(shares(LOGITS, 4, 0.65), 0, 4 / 7.0, 0, 3 / 7.0);
  }

  @Test
  void theLargestStaysWhateverTopPSays() {
    assertShares(shares(LOGITS, 4, 0), 0, 1, 0, 0);
  }

  /** Top-p after top-k: of 0.4, 0.3 and 0.2 out of 0.9, the last is 0.222. */
  @Test
  void topPCountsWhatTopKLeft() {
    assertShares(shares(LOGITS, 3, 0.79), 0, 4 / 9.0, 2 / 9.0, 3 / 9.0);
    assertShares(shares(LOGITS, 3, 0.77), 0, 4 / 7.0, 0, 3 / 7.0);
  }

  /** Four equal codes at 0.25 each: 1 - 0.7 drops the first one only. */
  @Test
  void equalLogitsAreDroppedInRisingOrder() {
    assertShares(shares(new float[4], 4, 0.7), 0, 1 / 3.0, 1 / 3.0, 1 / 3.0);
  }

  @Test
  void noiseDependsOnEveryPartAndIsUniform() {
    double base = new Noise(1, 2).uniform(3, 4);
    assertEquals(base, new Noise(1, 2).uniform(3, 4));
    assertNotEquals(base, new Noise(2, 2).uniform(3, 4));
    assertNotEquals(base, new Noise(1, 1).uniform(3, 4));
    assertNotEquals(base, new Noise(1, 2).uniform(4, 4));
    assertNotEquals(base, new Noise(1, 2).uniform(3, 5));
    int[] tenths = new int[10];
    for (int token = 0; token < 100_000; token++) {
      tenths[(int) (10 * new Noise(7, token / 1000).uniform(0, token))]++;
    }
    for (int count : tenths) {
      assertTrue(Math.abs(count - 10_000) < 500, count + " of 100000 in a tenth");
    }
  }
}
