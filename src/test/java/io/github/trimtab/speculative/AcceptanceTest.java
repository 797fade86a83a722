package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a kept vocabulary costs in acceptance, and the measures of it. */
class AcceptanceTest {
  private static final Kernels KERNELS = Backends.named("vector").kernels();

  /** How often verification accepts a draft from q over the kept ids: exact, by cells. */
  private static double acceptance(float[] p, float[] q, int[] ids) {
    double[] all = new double[1];
    for (int j = 0; j < ids.length; j++) {
      int token = ids[j];
      float drawn = q[j];
      if (drawn > 0) {
        new Cells()
            .axis((double) p[token] / drawn)
            .integrate(
                u -> accepts(p, q, ids, token, u[0]),
                (accepted, volume) -> all[0] += accepted ? drawn * volume : 0);
      }
    }
    return all[0];
  }

  private static boolean accepts(float[] p, float[] q, int[] ids, int token, float u) {
    int n = p.length;
    float[] rows = Arrays.copyOf(p, 2 * n);
    rows[n] = 1;
    int[] accepted = new int[1];
    KERNELS.verify(
        new Verify.Chain(
            Tensor.wrap(rows, 1, 2, n),
            Tensor.wrap(q, 1, 1, ids.length),
            Tensor.wrap(ids, ids.length),
            Tensor.wrap(new int[] {token}, 1, 1),
            Tensor.wrap(new float[] {u}, 1, 1),
            Tensor.wrap(new float[] {0.5f}, 1),
            Tensor.wrap(new int[2], 1, 2),
            Tensor.wrap(accepted, 1)));
    return accepted[0] == 1;
  }

  /** alpha <= p(K), and a trimmed head's alpha loses at most what the full one had outside K. */
  @Test
  void acceptanceIsBoundedByCoverage() {
    Random random = new Random(1);
    Warper softmax = new Warper(Warping.temperature(1f));
    for (int i = 0; i < 300; i++) {
      int n = 2 + random.nextInt(20);
      float[] p = logits(random, n);
      float[] full = logits(random, n);
      int[] ids = IntStream.range(0, n).filter(id -> random.nextInt(3) > 0).toArray();
      if (ids.length == 0) {
        ids = new int[] {n - 1};
      }
      float[] trimmed = new float[ids.length];
      for (int j = 0; j < ids.length; j++) {
        trimmed[j] = full[ids[j]];
      }
      softmax.apply(p, 0, n, new BitSet());
      softmax.apply(full, 0, n, new BitSet());
      softmax.apply(trimmed, 0, ids.length, new BitSet());
      double covered = 0;
      double lost = 0;
      for (int id = 0; id < n; id++) {
        boolean kept = Arrays.binarySearch(ids, id) >= 0;
        covered += kept ? p[id] : 0;
        lost += kept ? 0 : Math.min(p[id], full[id]);
      }
      double alpha = acceptance(p, trimmed, ids);
      double alphaFull = acceptance(p, full, IntStream.range(0, n).toArray());
      // Rows of binary32 sum to 1 up to their rounding.
      assertThat(alpha).isLessThanOrEqualTo(covered + 1e-6);
      assertThat(alpha).isGreaterThanOrEqualTo(alphaFull - lost - 1e-6);
    }
  }

  private static float[] logits(Random random, int n) {
    float[] logits = new float[n];
    for (int id = 0; id < n; id++) {
      logits[id] = (float) (2 * random.nextGaussian());
    }
    return logits;
  }

  /** Decoding accepts as often as the overlap of p and q says. */
  @Test
  void decodingAcceptsByTheOverlap() {
    float[] p = {0.5f, 0.125f, 0.25f, 0.125f};
    float[] q = {0.25f, 0.75f};
    int[] ids = {2, 0};
    // min(p, q) of ids 2 and 0.
    double alpha = 0.25 + 0.5;
    SmallPair pair =
        new SmallPair(new SmallModel(context -> p), new SmallModel(context -> q), 4, ids, 1);
    Random random = new Random(4);
    SpeculativeDecoder decoder =
        SpeculativeDecoder.of(
            KERNELS,
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
    assertThat(efficiency.tau()).isCloseTo(1 + efficiency.acceptance(), within(1e-12));
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
    assertThat(new BlockEfficiency(0, 0, 0).acceptance()).isNaN();
  }
}
