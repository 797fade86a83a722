package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rows at steps of their own hold, bit for bit, what each would hold alone. */
@Tag("parity")
final class RaggedStepsTest {
  private static final int LAYERS = 2;
  private static final int HEADS = 2;
  private static final int[] NEW_TOKENS = {1, 4, 12, 20, 33, 30};

  /** The steps of three rows, call by call: late starts, a pause, an early stop. */
  private static final int[][] CALLS = {
    {0, -1, 0}, {1, 0, 1}, {2, 1, -1}, {3, 2, 2}, {4, 3, 3}, {5, 4, -1}, {-1, 5, -1}
  };

  private static final int[] WINDOW = {0, 2};

  private static EvictionPolicy scored(Scoring scoring, int... capacities) {
    return (layer, step, newTokens) ->
        newTokens < 12
            ? new Retention.All()
            : new Retention.Scored(WINDOW, WINDOW, scoring, capacities);
  }

  /** A policy that changes its form and its scoring from step to step. */
  private static Retention changing(int layer, int step, int newTokens) {
    Scoring scoring = step == 3 ? Scoring.official(1) : Scoring.paper(1);
    return switch (step) {
      case 0, 1 -> new Retention.All();
      case 2 -> new Retention.Ends(2, 8 + layer);
      default -> new Retention.Scored(WINDOW, WINDOW, scoring, 10 + 3 * layer);
    };
  }

  record Case(String name, int headsOfPage, Supplier<EvictionPolicy> policy) {
    @Override
    public String toString() {
      return name + ", " + headsOfPage + " heads in a page";
    }
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (int headsOfPage : new int[] {1, HEADS}) {
      cases.add(new Case("full", headsOfPage, EvictionPolicy::full));
      cases.add(new Case("sliding", headsOfPage, () -> EvictionPolicy.slidingWindow(17)));
      cases.add(new Case("streaming", headsOfPage, () -> EvictionPolicy.streamingLlm(4, 17)));
      cases.add(new Case("scored", headsOfPage, () -> scored(Scoring.official(1), 19)));
      cases.add(new Case("changing", headsOfPage, () -> RaggedStepsTest::changing));
      cases.add(new Case("h2o", headsOfPage, () -> new H2o(7, 9, 1, Mask.NONE)));
      cases.add(new Case("h2o, causal", headsOfPage, () -> new H2o(7, 9, 1, Mask.CAUSAL)));
    }
    cases.add(new Case("a head's own budget", 1, () -> scored(Scoring.paper(1), 9, 30)));
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void rowsHoldWhatEachWouldHoldAlone(Case test) {
    for (String backend : List.of("scalar", "vector")) {
      List<List<Float>> together = run(test, backend, 0, 1, 2);
      for (int row = 0; row < 3; row++) {
        assertThat(together.get(row).equals(run(test, backend, row).getFirst()))
            .as("%s, row %d", backend, row)
            .isTrue();
      }
    }
  }

  /** What a cache of some of the rows holds of each after all calls. */
  private static List<List<Float>> run(Case test, String backend, int... rows) {
    EvictionPolicy policy = test.policy.get().storingNothingAt(5);
    PageLayout layout = new PageLayout(DType.F32, 16, test.headsOfPage, Fixture.DIM);
    PageForecast alone = PageForecast.of(policy, layout, LAYERS, 1, HEADS, NEW_TOKENS);
    // Rows at steps of their own never need more than each of them alone.
    try (PagePool pool = new PagePool(layout, rows.length * alone.peakPages());
        KvCache cache =
            new KvCache(
                Backends.named(backend).kernels(),
                pool,
                LAYERS,
                rows.length,
                HEADS,
                alone.maxTokens())) {
      for (int[] call : CALLS) {
        int[] steps = Arrays.stream(rows).map(row -> call[row]).toArray();
        for (int layer = 0; layer < LAYERS; layer++) {
          store(policy, cache, layer, steps, rows);
        }
      }
      List<List<Float>> contents = new ArrayList<>();
      for (int row = 0; row < rows.length; row++) {
        contents.add(Fixture.contents(cache, row));
      }
      cache.clear();
      assertThat(pool.used()).isZero();
      return contents;
    }
  }

  private static void store(
      EvictionPolicy policy, KvCache cache, int layer, int[] steps, int[] rows) {
    int[] lengths = Arrays.stream(steps).map(step -> step < 0 ? 0 : NEW_TOKENS[step]).toArray();
    // Padding behind the longest row too.
    int most = Arrays.stream(lengths).max().orElse(0) + 3;
    float[] q = new float[rows.length * 2 * HEADS * most * Fixture.DIM];
    float[] k = new float[rows.length * HEADS * most * Fixture.DIM];
    for (int i = 0; i < rows.length; i++) {
      if (steps[i] >= 0) {
        long seed = 100L * rows[i] + 10L * steps[i] + layer;
        copy(Fixture.queries(1, 2 * HEADS, lengths[i], seed), q, i, most);
        copy(Fixture.queries(1, HEADS, lengths[i], seed + 7), k, i, most);
      }
    }
    Tensor keys = Tensor.wrap(k, rows.length, HEADS, most, Fixture.DIM);
    policy.store(
        cache,
        layer,
        steps,
        Tensor.wrap(q, rows.length, 2 * HEADS, most, Fixture.DIM),
        new NewTokens(keys, keys, Tensor.wrap(lengths, rows.length)));
  }

  private static void copy(Tensor from, float[] to, int row, int most) {
    for (int head = 0; head < from.size(1); head++) {
      for (int token = 0; token < from.size(2); token++) {
        for (int d = 0; d < Fixture.DIM; d++) {
          int at = (((row * (int) from.size(1) + head) * most) + token) * Fixture.DIM + d;
          to[at] = from.floatAt(from.offset(0, head, token, d));
        }
      }
    }
  }
}
