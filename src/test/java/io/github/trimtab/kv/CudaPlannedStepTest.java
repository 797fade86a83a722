package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.CudaDevices;
import io.github.trimtab.cuda.CudaDevice;
import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.PoolExhaustedException;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Steps that are decided before they run leave what steps leave that are decided on the way. */
@Tag("cuda")
final class CudaPlannedStepTest {
  private static final int HEADS = 2;
  private static final int ROWS = 2;
  private static final int LAYERS = 3;
  private static final int[] WINDOW = {3, 7};

  /** One layer's lists twice and no more: layers take the pages that those before them leave. */
  private static final int PAGES = ROWS * 3 * (LAYERS + 1);

  private final List<Buffer> buffers = new ArrayList<>();
  private final PageLayout layout = new PageLayout(DType.F32, 16, HEADS, Fixture.DIM);
  private CudaStream stream;
  private PagePool pool;
  private KvCache cache;

  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  @BeforeEach
  void open() {
    stream = CudaDevice.of(0).newStream();
    pool = stream.device().pool(layout, PAGES);
    cache = new KvCache(stream.kernels(), pool, LAYERS, ROWS, HEADS, 48);
  }

  @AfterEach
  void close() {
    cache.close();
    pool.close();
    buffers.forEach(Buffer::close);
    stream.close();
  }

  private Tensor in(Tensor host) {
    Buffer copy = stream.memory().allocate(host.buffer().byteSize());
    buffers.add(copy);
    stream.memory().upload(host.segment(), copy, 0);
    return Tensor.of(host.dtype(), copy, host.shape());
  }

  private NewTokens tokens(int first, int count) {
    NewTokens host = Fixture.tokens(ROWS, HEADS, first, count);
    return new NewTokens(in(host.k()), in(host.values()));
  }

  private static Retention retention(int step) {
    return switch (step) {
      case 0 -> new Retention.All();
      case 3 -> new Retention.Ends(5, 12);
      // Of two pages each list keeps one: the second row takes what the first leaves.
      case 4 -> new Retention.Scored(WINDOW, WINDOW, Scoring.paper(0.4f), 10);
      default -> new Retention.Scored(WINDOW, WINDOW, Scoring.paper(0.4f), 17 + 8 * step);
    };
  }

  private void store(int layer, int step) {
    Tensor q = in(Fixture.queries(ROWS, 2 * HEADS, 16, step + 10L * layer));
    cache.store(layer, q, tokens(16 * step, 16), retention(step));
  }

  private List<Float> contents(boolean planned) {
    return contents(planned, new ArrayList<>());
  }

  private List<Float> contents(boolean planned, List<Object> keys) {
    List<Float> contents = new ArrayList<>();
    cache.clear();
    for (int step = 0; step < 5; step++) {
      int now = step;
      if (planned) {
        try (PlannedStep plan = cache.plan(layer -> store(layer, now))) {
          keys.add(plan.key());
          for (int layer = 0; layer < LAYERS; layer++) {
            plan.store(layer);
          }
        }
      } else {
        for (int layer = 0; layer < LAYERS; layer++) {
          store(layer, step);
        }
      }
      contents.addAll(Fixture.contents(cache));
    }
    return contents;
  }

  @Test
  void contentsAreThoseOfStepsDecidedOnTheWay() {
    assertThat(contents(true)).isEqualTo(contents(false));
    assertThat(pool.peak()).isLessThanOrEqualTo(PAGES);
  }

  @Test
  void keysTellStepsApartThatRewriteListsInOtherPortions() {
    List<Float> expected = contents(true);
    List<Object> first = new ArrayList<>();
    List<Object> again = new ArrayList<>();
    List<Object> inAFullPool = new ArrayList<>();
    assertThat(contents(true, first)).isEqualTo(expected);
    assertThat(contents(true, again)).isEqualTo(expected);
    assertThat(again).isEqualTo(first);
    cache.clear();
    int needed =
        PageForecast.of(
                (_, step, _) -> retention(step), layout, LAYERS, ROWS, HEADS, 16, 16, 16, 16, 16)
            .peakPages();
    assertThat(needed).isLessThan(PAGES);
    int[] _ = pool.acquire(PAGES - needed);
    assertThat(contents(true, inAFullPool)).isEqualTo(expected);
    assertThat(pool.peak()).isEqualTo(PAGES);
    assertThat(inAFullPool.get(0)).isEqualTo(first.get(0));
    assertThat(inAFullPool.get(2)).isNotEqualTo(first.get(2));
  }

  @Test
  void untilItRunsAStepHasChangedNothingThatOperationsRead() {
    store(0, 0);
    Tensor q = in(Fixture.queries(ROWS, 2 * HEADS, 16, 5));
    Tensor before = in(Tensor.allocate(DType.F32, ROWS, 2 * HEADS, 16, Fixture.DIM));
    Tensor after = in(Tensor.allocate(DType.F32, ROWS, 2 * HEADS, 16, Fixture.DIM));
    NewTokens fresh = tokens(16, 16);
    cache.attend(0, q, fresh, 0.4f, before);
    PlannedStep step = cache.plan(layer -> store(layer, 1));
    assertThat(cache.tokens(0, 0)).isEqualTo(25);
    cache.attend(0, q, fresh, 0.4f, after);
    assertThat(floats(after)).isEqualTo(floats(before));
    assertThatIllegalStateException()
        .isThrownBy(() -> store(0, 2))
        .withMessageContaining("planned step");
    assertThatIllegalStateException()
        .isThrownBy(() -> cache.columnSums(0, q, null, fresh, Mask.NONE, 0.4f))
        .withMessageContaining("no results yet");
    List<Runnable> changes =
        List.of(
            () -> cache.clear(),
            () -> cache.clear(1),
            () -> cache.truncate(0, 0),
            () -> cache.share(0, 1));
    for (Runnable change : changes) {
      assertThatIllegalStateException()
          .isThrownBy(change::run)
          .withMessageContaining("planned step");
    }
    assertThat(cache.tokens(0, 0)).isEqualTo(25);
    step.store(0);
    step.close();
    assertThatIllegalStateException()
        .isThrownBy(() -> step.store(0))
        .withMessageContaining("ended");
    assertThatIllegalStateException().isThrownBy(step::key).withMessageContaining("ended");
    assertThat(EvictionPolicy.full().storingNothingAt(3).decidesAhead()).isTrue();
    assertThat(new H2o(9, 5, 0.5f, Mask.NONE).storingNothingAt(3).decidesAhead()).isFalse();
  }

  private float[] floats(Tensor tensor) {
    float[] values = new float[(int) tensor.elements()];
    stream.memory().download(tensor.buffer(), 0, MemorySegment.ofArray(values));
    return values;
  }

  @Test
  void aStepThatCannotBeDecidedEmptiesTheCache() {
    int[] left = new int[1];
    contents(false);
    cache.plan(layer -> {}).close();
    assertThat(pool.used()).isPositive();
    assertThatThrownBy(() ->
            cache.plan(layer -> {
              left[0] = layer;
              cache.append(layer, tokens(100, 31));
              if (layer == 1) {
                int[] _ = pool.acquire(PAGES);
              }
            }))
        .isInstanceOf(PoolExhaustedException.class);
    assertThat(left[0]).isEqualTo(1);
    assertThat(pool.used()).isZero();
    assertThat(contents(true)).isEqualTo(contents(false));
  }

  @Test
  void tokensOfAllLayersAreThoseOfOneAfterTheOther() {
    List<NewTokens> fresh = List.of(tokens(0, 20), tokens(20, 20), tokens(40, 20));
    cache.append(fresh);
    cache.append(fresh);
    List<Float> together = Fixture.contents(cache);
    cache.clear();
    for (int layer = 0; layer < LAYERS; layer++) {
      cache.append(layer, fresh.get(layer));
      cache.append(layer, fresh.get(layer));
    }
    assertThat(together).isEqualTo(Fixture.contents(cache));
    int used = pool.used();
    assertThatThrownBy(() -> cache.append(List.of(tokens(0, 8), tokens(0, 8), tokens(0, 9))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("49");
    assertThat(pool.used()).isEqualTo(used);
    cache.truncate(0, 8);
    cache.truncate(1, 8);
    // Enough for two layers.
    int[] _ = pool.acquire(pool.free() - 4);
    assertThatThrownBy(() -> cache.append(List.of(tokens(0, 16), tokens(0, 16), tokens(0, 16))))
        .isInstanceOf(PoolExhaustedException.class);
    assertThat(pool.free()).isEqualTo(4);
    assertThat(cache.tokens(0, 0)).isEqualTo(32);
  }

  @Test
  void theHostDecidesOnTheWay() {
    try (PagePool host = new PagePool(layout, 4);
        KvCache onHost = new KvCache(Backends.named("scalar").kernels(), host, 1, 1, HEADS, 16)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> onHost.plan(layer -> {}))
          .withMessageContaining("expected a device");
    }
  }
}
