package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The warper against the definitions, by sorting everything in binary64. */
class WarperTest {
  private static final float[] TEMPERATURES = {0f, 0.3f, 1f, 1.7f};
  private static final float[] TOP_P = {1e-6f, 0.3f, 0.9f, 0.999f, 1f};
  private static final float[] PENALTIES = {1f, 1.3f, 0.8f};

  private static double[] naive(float[] logits, Warping warping, BitSet seen) {
    int n = logits.length;
    double[] x = new double[n];
    for (int i = 0; i < n; i++) {
      float penalty = warping.repetitionPenalty();
      float warped = logits[i] > 0 ? logits[i] / penalty : logits[i] * penalty;
      x[i] = seen.get(i) ? warped : logits[i];
    }
    List<Integer> order = new ArrayList<>(IntStream.range(0, n).boxed().toList());
    order.sort(Comparator.comparingDouble((Integer i) -> x[i] + 0.0).reversed());
    double[] p = new double[n];
    if (warping.isGreedy()) {
      p[order.getFirst()] = 1;
      return p;
    }
    int kept = warping.topK() == 0 ? n : Math.min(n, warping.topK());
    double sum = 0;
    for (int i : order.subList(0, kept)) {
      p[i] = (float) Math.exp((x[i] - x[order.getFirst()]) / warping.temperature());
      sum += p[i];
    }
    if (warping.topP() < 1) {
      double wanted = warping.topP() * sum;
      sum = 0;
      for (int i : order) {
        if (sum >= wanted) {
          p[i] = 0;
        }
        sum += p[i];
      }
    }
    for (int i = 0; i < n; i++) {
      p[i] /= sum;
    }
    return p;
  }

  private static float[] logits(Random random, int n) {
    float[] logits = new float[n];
    boolean ties = random.nextBoolean();
    for (int i = 0; i < n; i++) {
      logits[i] = ties ? random.nextInt(5) - 2 : (float) (4 * random.nextGaussian());
      if (i > 0 && random.nextInt(10) == 0) {
        logits[i] = random.nextBoolean() ? Float.NEGATIVE_INFINITY : -0f;
      }
    }
    return logits;
  }

  @Test
  void everyCombination() {
    Random random = new Random(3);
    for (int n : new int[] {1, 2, 7, 64, 300}) {
      for (float temperature : TEMPERATURES) {
        for (int topK : new int[] {0, 1, 3, 50, 400}) {
          for (float topP : TOP_P) {
            for (float penalty : PENALTIES) {
              Warping warping = new Warping(temperature, topK, topP, penalty);
              float[] logits = logits(random, n);
              BitSet seen = new BitSet();
              random.ints(n / 2, 0, n + 3).forEach(seen::set);
              float[] row = new float[n + 5];
              Arrays.fill(row, 77f);
              System.arraycopy(logits, 0, row, 2, n);
              new Warper(warping).apply(row, 2, n, seen);
              double[] expected = naive(logits, warping, seen);
              for (int i = 0; i < n; i++) {
                assertThat((double) row[2 + i])
                    .as("%s, %s, id %d", warping, Arrays.toString(logits), i)
                    .isCloseTo(expected[i], within(1e-7 * expected[i]));
              }
              assertThat(row).startsWith(77f, 77f).endsWith(77f, 77f, 77f);
            }
          }
        }
      }
    }
  }

  @Test
  void ofEqualsTheLowerIdStays() {
    float[] row = {1, 5, 5, 5, 1};
    new Warper(new Warping(1f, 2, 1f, 1f)).apply(row, 0, 5, new BitSet());
    assertThat(row).containsExactly(0f, 0.5f, 0.5f, 0f, 0f);
    row = new float[] {2, 2, 2, 2};
    new Warper(new Warping(1f, 0, 0.5f, 1f)).apply(row, 0, 4, new BitSet());
    assertThat(row).containsExactly(0.5f, 0.5f, 0f, 0f);
    row = new float[] {-0f, 0f};
    new Warper(Warping.greedy()).apply(row, 0, 2, new BitSet());
    assertThat(row).containsExactly(1f, 0f);
  }

  @Test
  void badInput() {
    Warper warper = new Warper(Warping.temperature(1f));
    refused("logits[1]: NaN", () -> apply(warper, 0f, Float.NaN));
    refused("logits[0]: Infinity", () -> apply(warper, Float.POSITIVE_INFINITY, 0f));
    refused(
        "none of 2 is above",
        () -> apply(warper, Float.NEGATIVE_INFINITY, Float.NEGATIVE_INFINITY));
    refused("none of 0 is above", () -> apply(warper));
    refused("temperature: -1.0", () -> Warping.temperature(-1f));
    refused("temperature: NaN", () -> Warping.temperature(Float.NaN));
    refused("topK: -1", () -> new Warping(1f, -1, 1f, 1f));
    refused("topP: 0.0", () -> new Warping(1f, 0, 0f, 1f));
    refused("topP: 1.1", () -> new Warping(1f, 0, 1.1f, 1f));
    refused("repetitionPenalty: 0.0", () -> new Warping(1f, 0, 1f, 0f));
    refused("length: 0", () -> new Drafting.Chain(0, Warping.temperature(1f)));
    refused("warping: ", () -> new Drafting.Chain(1, Warping.greedy()));
    refused("warping: ", () -> new Drafting.Siblings(List.of(1), new Warping(1f, 0, 1f, 2f)));
    refused("widths: [8, 8]", () -> new Drafting.Siblings(List.of(8, 8), Warping.temperature(1f)));
    refused("widths: []", () -> new Drafting.Siblings(List.of(), Warping.temperature(1f)));
    refused("nodes: 64", () -> new Drafting.Tree(2, 2, 64));
  }

  private static void apply(Warper warper, float... row) {
    warper.apply(row, 0, row.length, new BitSet());
  }

  private static void refused(String message, Runnable making) {
    assertThatIllegalArgumentException()
        .isThrownBy(making::run)
        .withMessageContaining(message)
        .withMessageContaining(", expected ");
  }
}
