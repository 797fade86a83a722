package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Lists that are rewritten into pages whose tokens have been moved by then. */
final class RewriteTest {
  private static final int PAGE = 128;
  private static final int ROWS = 2;
  private static final int HEADS = 2;
  private static final int HELD = 2900;
  private static final int ADDED = 300;
  private static final int CAPACITY = 2600;
  private static final int[] WINDOW = {7, 120, 299};

  private static PageLayout layout(int headsOfPage) {
    return new PageLayout(DType.F32, PAGE, headsOfPage, Fixture.DIM);
  }

  private static Retention scored(int capacity) {
    return new Retention.Scored(WINDOW, WINDOW, Scoring.paper(1), capacity);
  }

  /** What a row's head keeps of {@link #HELD} and {@link #ADDED} tokens. */
  private static List<Integer> expected(
      KvCache cache, Retention retention, Tensor q, NewTokens fresh, int row, int head) {
    if (retention instanceof Retention.Placed placed) {
      return Arrays.stream(placed.tokens(row, head, HELD, ADDED)).boxed().toList();
    }
    Kernels kernels = cache.kernels();
    Tensor queries = Tensor.wrap(new int[] {7, 120, 299, 7, 120, 299}, ROWS, WINDOW.length);
    int[] places = Arrays.stream(WINDOW).map(token -> token + HELD).toArray();
    Tensor window =
        Tensor.wrap(
            new int[] {places[0], places[1], places[2], places[0], places[1], places[2]},
            ROWS,
            WINDOW.length);
    Tensor scores = Tensor.allocate(DType.F32, ROWS, HEADS, HELD + ADDED);
    kernels.score(new Score(q, queries, cache.view(0), fresh, window, Scoring.paper(1), scores));
    Tensor indices = Tensor.allocate(DType.I32, ROWS, HEADS, CAPACITY);
    Tensor capacity = Tensor.wrap(new int[] {CAPACITY, CAPACITY}, ROWS, 1);
    kernels.select(new Select(scores, null, window, capacity, indices));
    List<Integer> tokens = new ArrayList<>();
    for (int i = 0; i < CAPACITY; i++) {
      tokens.add((int) indices.integerAt(indices.offset(row, head, i)));
    }
    return tokens;
  }

  @Test
  void longListsKeepWhatOneOperationWouldKeep() {
    for (String backend : List.of("scalar", "vector")) {
      for (int headsOfPage : new int[] {1, HEADS}) {
        for (Retention retention :
            List.of(
                scored(CAPACITY),
                new Retention.Ends(1000, CAPACITY - 1000),
                new Retention.Sampled(3, CAPACITY))) {
          check(backend, layout(headsOfPage), retention);
        }
      }
    }
  }

  private static void check(String backend, PageLayout layout, Retention retention) {
    EvictionPolicy policy = (layer, step, newTokens) -> step == 0 ? new Retention.All() : retention;
    PageForecast forecast = PageForecast.of(policy, layout, 1, ROWS, HEADS, HELD, ADDED);
    int lists = ROWS * (layout.heads() == 1 ? HEADS : 1);
    assertThat(forecast.peakPages()).isEqualTo(lists * (layout.pagesFor(HELD) + 1));
    // Portions of a page, of four where there are almost eight, and of the largest.
    for (int portion : new int[] {1, 4, 1024 / PAGE}) {
      int peak = lists * (layout.pagesFor(HELD) + portion);
      check(backend, layout, retention, forecast, portion == 4 ? peak + 4 * lists - 1 : peak, peak);
    }
  }

  private static void check(
      String backend,
      PageLayout layout,
      Retention retention,
      PageForecast forecast,
      int capacity,
      int peak) {
    try (PagePool pool = new PagePool(layout, capacity);
        KvCache cache =
            new KvCache(
                Backends.named(backend).kernels(), pool, 1, ROWS, HEADS, forecast.maxTokens())) {
      Tensor q = Fixture.queries(ROWS, HEADS, ADDED, 1);
      NewTokens fresh = Fixture.tokens(ROWS, HEADS, HELD, ADDED);
      cache.append(0, Fixture.tokens(ROWS, HEADS, 0, HELD));
      List<List<Integer>> expected = new ArrayList<>();
      for (int row = 0; row < ROWS; row++) {
        for (int head = 0; head < HEADS; head++) {
          expected.add(expected(cache, retention, q, fresh, row, head));
        }
      }
      cache.store(0, q, fresh, retention);
      for (int row = 0; row < ROWS; row++) {
        for (int head = 0; head < HEADS; head++) {
          assertThat(Fixture.held(cache, 0, row, head)).isEqualTo(expected.get(row * HEADS + head));
        }
      }
      assertThat(pool.used()).isEqualTo(forecast.lastPages());
      assertThat(pool.peak()).isEqualTo(peak);
    }
  }

  @Test
  void listsThatShrinkTakeThePagesOfThoseBeforeThem() {
    int rows = 20;
    Retention retention = new Retention.Ends(100, 100);
    EvictionPolicy policy = (layer, step, newTokens) -> step == 0 ? new Retention.All() : retention;
    PageForecast forecast = PageForecast.of(policy, layout(HEADS), 1, rows, HEADS, 1000, 10);
    // Eight pages each become two, of which only the first row's come from the pool.
    assertThat(forecast.peakPages()).isEqualTo(8 * rows + 2);
    try (PagePool pool = new PagePool(layout(HEADS), forecast.peakPages());
        KvCache cache =
            new KvCache(Backends.named("vector").kernels(), pool, 1, rows, HEADS, 1000)) {
      cache.append(0, Fixture.tokens(rows, HEADS, 0, 1000));
      cache.store(0, null, Fixture.tokens(rows, HEADS, 1000, 10), retention);
      for (int row = 0; row < rows; row++) {
        assertThat(Fixture.held(cache, 0, row, 1))
            .hasSize(200)
            .startsWith(0, 1)
            .contains(99, 910)
            .endsWith(1008, 1009);
      }
      assertThat(pool.used()).isEqualTo(2 * rows);
    }
  }

  @Test
  void pagesThatOtherRowsReadAreNotWrittenTo() {
    try (PagePool pool = new PagePool(layout(HEADS), 80);
        KvCache cache = new KvCache(Backends.named("vector").kernels(), pool, 1, 3, HEADS, 2900)) {
      cache.append(0, Fixture.tokens(3, HEADS, 0, 2900));
      cache.clear(2);
      cache.share(0, 2);
      List<Float> before = Fixture.contents(cache, 2);
      cache.store(
          0,
          null,
          null,
          List.of(new Retention.Ends(0, CAPACITY), new Retention.All(), new Retention.All()));
      assertThat(Fixture.held(cache, 0, 0, 0)).hasSize(CAPACITY).startsWith(300);
      assertThat(Fixture.contents(cache, 2)).isEqualTo(before);
    }
  }

  /** The vector kernels, of which compactions fail when a number of them is done. */
  private static Kernels failingAfter(int compactions) {
    Kernels kernels = Backends.named("vector").kernels();
    int[] left = {compactions};
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) -> {
              if (method.getName().equals("compact") && left[0]-- == 0) {
                throw new IllegalStateException("broken kernel");
              }
              try {
                return method.invoke(kernels, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  @Test
  void aKernelThatFailsMidwayLeavesTheListsWholeOrEmpty() {
    for (int compactions : new int[] {0, 1}) {
      try (PagePool pool = new PagePool(layout(HEADS), 120);
          KvCache cache = new KvCache(failingAfter(compactions), pool, 2, ROWS, HEADS, HELD)) {
        for (int layer = 0; layer < 2; layer++) {
          cache.append(layer, Fixture.tokens(ROWS, HEADS, 0, HELD));
        }
        int used = pool.used();
        assertThatThrownBy(() -> cache.store(1, null, null, new Retention.Ends(0, CAPACITY)))
            .hasMessage("broken kernel");
        boolean whole = compactions == 0;
        assertThat(pool.used()).isEqualTo(whole ? used : used / 2);
        assertThat(Fixture.held(cache, 0, 1, 1)).hasSize(HELD);
        assertThat(Fixture.held(cache, 1, 1, 1)).hasSize(whole ? HELD : 0);
        cache.store(1, null, Fixture.tokens(ROWS, HEADS, HELD, 50), new Retention.Ends(0, 50));
        assertThat(Fixture.held(cache, 1, 0, 0)).hasSize(50).startsWith(HELD);
      }
    }
  }
}
