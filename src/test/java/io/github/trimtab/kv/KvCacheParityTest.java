package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A cache holds the same bits whatever its backend, its page size and the heads of its pages. */
@Tag("parity")
final class KvCacheParityTest {
  private static final int HEADS = 2;
  private static final int[] WINDOW = {3, 11, 19};

  @ParameterizedTest
  @EnumSource(Scoring.Mode.class)
  void contentsAreThoseOfTheOracle(Scoring.Mode mode) {
    Scoring scoring = mode == Scoring.Mode.RAW ? Scoring.official(0.4f) : Scoring.paper(0.4f);
    List<Float> oracle = run("scalar", new PageLayout(DType.F32, 16, HEADS, Fixture.DIM), scoring);
    for (String backend : List.of("scalar", "vector")) {
      for (int pageTokens : new int[] {16, 32, 64, 128}) {
        for (int headsOfPage : new int[] {1, HEADS}) {
          PageLayout layout = new PageLayout(DType.F32, pageTokens, headsOfPage, Fixture.DIM);
          assertThat(run(backend, layout, scoring).equals(oracle))
              .as("%s, %s", backend, layout)
              .isTrue();
        }
      }
    }
  }

  private static List<Float> run(String backend, PageLayout layout, Scoring scoring) {
    Retention scored = new Retention.Scored(WINDOW, WINDOW, scoring, 23);
    try (PagePool pool = new PagePool(layout, 200);
        KvCache cache = new KvCache(Backends.named(backend).kernels(), pool, 2, 2, HEADS, 60)) {
      for (int step = 0; step < 5; step++) {
        for (int layer = 0; layer < 2; layer++) {
          Tensor q = Fixture.queries(2, 2 * HEADS, 20, step + 10L * layer);
          cache.store(layer, q, Fixture.tokens(2, HEADS, 20 * step, 20), scored);
        }
      }
      cache.store(1, null, Fixture.tokens(2, HEADS, 100, 7), new Retention.Ends(4, 15));
      return Fixture.contents(cache);
    }
  }
}
