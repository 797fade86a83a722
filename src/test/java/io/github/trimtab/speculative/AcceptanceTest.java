package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a kept vocabulary costs in acceptance, and the measures of it. */
class AcceptanceTest {
  private static double overlap(double[] p, double[] q) {
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      sum += Math.min(p[i], q[i]);
    }
    return sum;
  }

  private static double[] random(Random random, int n) {
    double[] p = random.doubles(n).map(x -> -Math.log(x) * (x < 0.3 ? 0 : 1)).toArray();
    double sum = Arrays.stream(p).sum();
    return Arrays.stream(p).map(x -> x / sum).toArray();
  }

  /** alpha &lt;= p(K), and alpha of a trimmed head loses at most what q had outside K. */
  @Test
  void acceptanceIsBoundedByCoverage() {
    Random random = new Random(1);
    for (int i = 0; i < 2000; i++) {
      int n = 2 + random.nextInt(30);
      double[] p = random(random, n);
      double[] full = random(random, n);
      boolean[] kept = new boolean[n];
      double covered = 0;
      double draftMass = 0;
      double lost = 0;
      for (int id = 0; id < n; id++) {
        kept[id] = random.nextInt(3) > 0;
        covered += kept[id] ? p[id] : 0;
        draftMass += kept[id] ? full[id] : 0;
        lost += kept[id] ? 0 : Math.min(p[id], full[id]);
      }
      if (draftMass > 0) {
        double[] trimmed = new double[n];
        for (int id = 0; id < n; id++) {
          trimmed[id] = kept[id] ? full[id] / draftMass : 0;
        }
        double alpha = overlap(p, trimmed);
        assertThat(alpha).isLessThanOrEqualTo(covered + 1e-12);
        assertThat(alpha).isGreaterThanOrEqualTo(overlap(p, full) - lost - 1e-12);
      }
    }
  }

  /** Decoding accepts as often as the overlap of p and q says. */
  @Test
  void decodingAcceptsByTheOverlap() {
    float[] p = {0.5f, 0.125f, 0.25f, 0.125f};
    float[] q = {0.25f, 0.75f};
    int[] ids = {2, 0};
    double alpha = Math.min(0.25, 0.25) + Math.min(0.5, 0.75);
    SmallPair pair =
        new SmallPair(new SmallModel(context -> p), new SmallModel(context -> q), 4, ids, 1);
    Random random = new Random(4);
    SpeculativeDecoder decoder =
        SpeculativeDecoder.of(
            Backends.named("vector").kernels(),
            pair,
            pair,
            DraftHeads.always(pair),
            new Drafting.Chain(1, Warping.temperature(1f)),
            Warping.temperature(1f),
            random,
            new int[] {1});
    int[] emitted = new int[2];
    int rounds = 600;
    for (int i = 0; i < rounds; i++) {
      int _ = decoder.next(emitted);
    }
    BlockEfficiency efficiency = decoder.efficiency();
    assertThat(efficiency.rounds()).isEqualTo(rounds);
    assertThat(efficiency.drafted()).isEqualTo(rounds);
    assertThat(pair.targetSteps).isEqualTo(rounds);
    double deviation = Math.sqrt(alpha * (1 - alpha) / rounds);
    assertThat(efficiency.acceptance()).isCloseTo(alpha, within(4 * deviation));
    assertThat(efficiency.tau()).isEqualTo(1 + efficiency.acceptance());
    assertThat(pair.held()).hasSize((int) efficiency.emitted());
  }

  @Test
  void measures() {
    BlockEfficiency efficiency = new BlockEfficiency(10, 30, 16);
    assertThat(efficiency.emitted()).isEqualTo(26);
    assertThat(efficiency.tau()).isEqualTo(2.6);
    assertThat(efficiency.acceptance()).isCloseTo(16 / 30.0, within(1e-15));
    assertThat(SpeedUp.memoryBound(2.6, 0.16, 3)).isCloseTo(2.6 / 1.48, within(1e-15));
    // At the break-even share of the block efficiency, both heads are equally fast.
    double share = SpeedUp.breakEven(0.16, 0.069, 3);
    assertThat(SpeedUp.memoryBound(2.6 * share, 0.069, 3))
        .isCloseTo(SpeedUp.memoryBound(2.6, 0.16, 3), within(1e-15));
    assertThat(new BlockEfficiency(0, 0, 0).tau()).isNaN();
    assertThat(List.of(new BlockEfficiency(0, 0, 0).acceptance())).containsExactly(Double.NaN);
  }
}
