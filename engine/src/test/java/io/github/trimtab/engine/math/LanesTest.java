package io.github.trimtab.engine.math;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.random.RandomGenerator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class LanesTest {

  /** Enough for the loop to be compiled on the way. */
  private static final int ROUNDS = 200_000;

  @Test
  void aSumHasOneOrderBeforeAndAfterItIsCompiled() {
    RandomGenerator random = RandomGenerator.of("L64X128MixRandom");
    float[] values = new float[Lanes.COUNT];
    for (int i = 0; i < values.length; i++) {
      values[i] = (random.nextFloat() - 0.5f) * (1 << (3 * i));
    }
    float expected = folded(values);
    int different = 0;
    for (int round = 0; round < ROUNDS; round++) {
      different += Lanes.sum(FloatVector.fromArray(Lanes.SPECIES, values, 0)) == expected ? 0 : 1;
    }
    assertThat(different).isZero();
  }

  private static float folded(float[] values) {
    float[] sums = values.clone();
    for (int half = sums.length / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        sums[i] += sums[i + half];
      }
    }
    return sums[0];
  }
}
