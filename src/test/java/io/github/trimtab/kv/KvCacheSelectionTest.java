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
import io.github.trimtab.scalekv.ObservationWindow;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The released ScaleKV class's selections on K[j][d] = sin(0.37 j + 1.3 d) and Q[i][d] = cos(0.11 i
 * - 0.7 d), four dimensions, logits halved; average pooling as this library defines it.
 */
@Tag("parity")
final class KvCacheSelectionTest {
  private static final int DIM = 8;

  @ParameterizedTest
  @CsvSource({
    "521, 20, 632, MAX, 290413, 6 7 8 9 10 11 12 13, 911 912 913 914 915 916",
    "521, 20, 920, MAX, 422740, 0 1 2 3, 914 915 916 917 918 919",
    "632, 24, 594, MAX, 357360, 1 2 3 4 5 6 7 8 18, 1192 1193 1194 1195 1196 1197",
    "465, 64, 465, MAX, 1178865, 614 615 616 617 618 631, 4541 4554 4555 4556 4557 4558",
    "521, 20, 632, AVG, 292851, 6 7 8 9, 912 913 914 915 916"
  })
  void survivorsAreThePublishedOnes(
      int history,
      int side,
      int capacity,
      Scoring.Pooling pooling,
      int sum,
      String first,
      String last) {
    Scoring scoring = new Scoring(Scoring.Mode.RAW, 0.5f, Mask.NONE, pooling, 5);
    int[] window = ObservationWindow.GRID_4.positions(side, side);
    for (String backend : List.of("scalar", "vector")) {
      for (int pageTokens : new int[] {16, 64}) {
        List<Integer> kept =
            select(backend, pageTokens, history, side * side, window, scoring, capacity);
        assertThat(kept).hasSize(capacity);
        assertThat(kept.stream().mapToInt(Integer::intValue).sum()).isEqualTo(sum);
        assertThat(kept).startsWith(numbers(first)).endsWith(numbers(last));
      }
    }
  }

  private static List<Integer> select(
      String backend,
      int pageTokens,
      int history,
      int fresh,
      int[] window,
      Scoring scoring,
      int capacity) {
    PageLayout layout = new PageLayout(DType.F32, pageTokens, 1, DIM);
    try (PagePool pool =
            new PagePool(layout, layout.pagesFor(history) + layout.pagesFor(capacity));
        KvCache cache =
            new KvCache(
                Backends.named(backend).kernels(), pool, 1, 1, 1, Math.max(history, capacity))) {
      cache.append(0, keys(0, history));
      Retention scored = new Retention.Scored(window, window, scoring, capacity);
      cache.store(0, queries(fresh), keys(history, fresh), scored);
      return Fixture.numbersInValues(cache, 0, 0, 0);
    }
  }

  /** Keys, and values that say their token's number. */
  private static NewTokens keys(int first, int count) {
    float[] k = new float[count * DIM];
    float[] v = new float[count * DIM];
    for (int j = 0; j < count; j++) {
      for (int d = 0; d < 4; d++) {
        k[j * DIM + d] = (float) Math.sin(0.37 * (first + j) + 1.3 * d);
      }
      v[j * DIM] = first + j;
    }
    return new NewTokens(Tensor.wrap(k, 1, 1, count, DIM), Tensor.wrap(v, 1, 1, count, DIM));
  }

  private static Tensor queries(int count) {
    float[] q = new float[count * DIM];
    for (int i = 0; i < count; i++) {
      for (int d = 0; d < 4; d++) {
        q[i * DIM + d] = (float) Math.cos(0.11 * i - 0.7 * d);
      }
    }
    return Tensor.wrap(q, 1, 1, count, DIM);
  }

  private static Integer[] numbers(String text) {
    return Stream.of(text.split(" ", -1)).map(Integer::valueOf).toArray(Integer[]::new);
  }
}
