package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.PoolExhaustedException;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Every way to fail leaves cache and pool as they were. */
final class KvCacheFailureTest {
  private static final int ROWS = 2;
  private static final int HEADS = 2;
  private static final int[] WINDOW = {0, 5};
  private static final Retention ENDS = new Retention.Ends(2, 3);

  /** The scalar kernels, or an error after everything was written, as a broken backend would. */
  private static final class Failing implements Kernels {
    private final Kernels kernels = Backends.named("scalar").kernels();
    private boolean fails;
    private boolean copyFails;
    private boolean allocationFails;
    private int uploads;
    private int downloads;

    /** The host's memory, which counts copies, and fails where that is wanted. */
    @Override
    public Memory memory(Place place) {
      Memory host = Memory.hostOnly(place);
      return new Memory() {
        @Override
        public Place place() {
          return host.place();
        }

        @Override
        public Buffer allocate(long bytes) {
          if (allocationFails) {
            throw new AssertionError("no memory");
          }
          return host.allocate(bytes);
        }

        @Override
        public void upload(MemorySegment from, Buffer to, long offset) {
          uploads++;
          host.upload(from, to, offset);
        }

        @Override
        public void download(Buffer from, long offset, MemorySegment to) {
          downloads++;
          host.download(from, offset, to);
        }

        @Override
        public void copy(Buffer from, long fromOffset, Buffer to, long toOffset, long bytes) {
          if (copyFails) {
            throw new AssertionError("broken copy");
          }
          host.copy(from, fromOffset, to, toOffset, bytes);
        }
      };
    }

    private void end() {
      if (fails) {
        throw new AssertionError("broken kernel");
      }
    }

    @Override
    public void append(Append op) {
      kernels.append(op);
      end();
    }

    @Override
    public void score(Score op) {
      kernels.score(op);
      end();
    }

    @Override
    public void select(Select op) {
      kernels.select(op);
      end();
    }

    @Override
    public void compact(Compact op) {
      kernels.compact(op);
      end();
    }

    @Override
    public void evict(Evict op) {
      kernels.evict(op);
      end();
    }

    @Override
    public void attend(Attend op) {
      kernels.attend(op);
      end();
    }

    @Override
    public void verify(Verify op) {
      kernels.verify(op);
      end();
    }

    @Override
    public void head(Head op) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void quantize(Quantize op) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void pack(Pack op) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void columnSums(ColumnSums op) {
      kernels.columnSums(op);
      end();
    }

    @Override
    public void selectivity(Selectivity op) {
      kernels.selectivity(op);
      end();
    }
  }

  private final Failing kernels = new Failing();
  private final PagePool pool = new PagePool(new PageLayout(DType.F32, 16, HEADS, Fixture.DIM), 12);
  private final KvCache cache = new KvCache(kernels, pool, 2, ROWS, HEADS, 60);
  private final Tensor q = Fixture.queries(ROWS, HEADS, 10, 1);
  private final NewTokens fresh = Fixture.tokens(ROWS, HEADS, 40, 10);

  private static Retention scored(int capacity) {
    return new Retention.Scored(WINDOW, WINDOW, Scoring.paper(1), capacity);
  }

  /** Layer 0 holds 40 and layer 1 20 tokens a row; in layer 1 the rows share their pages. */
  private void fill() {
    cache.append(0, Fixture.tokens(ROWS, HEADS, 0, 40));
    cache.append(1, Fixture.ragged(HEADS, 0, 20, 20, 0));
    int before = pool.used();
    cache.share(0, 1);
    assertThat(pool.used()).isEqualTo(before - 3);
    cache.append(0, Fixture.ragged(HEADS, 40, 3, 0, 3));
  }

  private List<Integer> references() {
    List<Integer> references = new ArrayList<>();
    for (int page = 0; page < pool.capacity(); page++) {
      references.add(pool.references(page));
    }
    return references;
  }

  private void leavesAllAsItWas(
      Class<? extends Throwable> error, String message, ThrowingCallable call) {
    List<Float> contents = Fixture.contents(cache);
    List<Integer> references = references();
    assertThatThrownBy(call).isInstanceOf(error).hasMessageContaining(message);
    assertThat(references()).isEqualTo(references);
    assertThat(Fixture.contents(cache)).isEqualTo(contents);
    for (int layer = 0; layer < 2; layer++) {
      for (int row = 0; row < ROWS; row++) {
        Tensor lengths = cache.view(layer).lengths();
        assertThat(lengths.integerAt(lengths.offset(row, 0))).isEqualTo(cache.tokens(layer, row));
      }
    }
  }

  private void isRefused(String message, ThrowingCallable call) {
    leavesAllAsItWas(IllegalArgumentException.class, message, call);
  }

  @Test
  void aFailingKernelLosesNoPage() {
    fill();
    kernels.fails = true;
    for (int layer = 0; layer < 2; layer++) {
      int l = layer;
      Class<AssertionError> error = AssertionError.class;
      leavesAllAsItWas(error, "broken", () -> cache.append(l, fresh));
      leavesAllAsItWas(error, "broken", () -> cache.store(l, q, fresh, scored(18)));
      leavesAllAsItWas(error, "broken", () -> cache.store(l, null, fresh, ENDS));
      // Row 0 grows in place and row 1 is rewritten, in this order.
      List<Retention> mixed = List.of(new Retention.All(), ENDS);
      leavesAllAsItWas(error, "broken", () -> cache.store(l, null, fresh, mixed));
    }
    // The same calls work once the kernel does.
    kernels.fails = false;
    cache.append(1, fresh);
    assertThat(Fixture.held(cache, 1, 0, 0)).hasSize(30).endsWith(49);
    cache.store(1, q, fresh, scored(18));
    cache.store(0, q, fresh, scored(18));
    assertThat(pool.used()).isEqualTo(8);
    cache.close();
    assertThat(pool.used()).isZero();
  }

  @Test
  void aFailingCopyOfASharedPageLosesNoPage() {
    fill();
    kernels.copyFails = true;
    Class<AssertionError> error = AssertionError.class;
    leavesAllAsItWas(error, "broken copy", () -> cache.append(1, fresh));
    kernels.copyFails = false;
    cache.append(1, fresh);
    assertThat(Fixture.held(cache, 1, 0, 0)).hasSize(30).endsWith(49);
  }

  @Test
  void tooLittleMemoryForAStepLosesNoPage() {
    fill();
    kernels.allocationFails = true;
    Class<AssertionError> error = AssertionError.class;
    leavesAllAsItWas(error, "no memory", () -> cache.store(0, q, fresh, scored(18)));
    leavesAllAsItWas(error, "no memory", () -> cache.store(1, null, fresh, ENDS));
    kernels.allocationFails = false;
    cache.store(0, q, fresh, scored(18));
    assertThat(cache.tokens(0, 1)).isEqualTo(18);
  }

  /** Policies too: each ragged step waits for a device once, and writes there once. */
  @Test
  void aStepReadsItsLengthsOnceAndWritesItsInputsOnce() {
    NewTokens ragged = Fixture.ragged(HEADS, 0, 10, 10, 8);
    EvictionPolicy scores = (layer, step, newTokens) -> scored(4);
    EvictionPolicy places = (layer, step, newTokens) -> new Retention.Ends(1, 2);
    EvictionPolicy hitters = new H2o(2, 2, 1, Mask.NONE);
    for (EvictionPolicy policy : List.of(scores, places, hitters)) {
      cache.clear();
      kernels.uploads = 0;
      kernels.downloads = 0;
      policy.store(cache, 0, 0, q, ragged);
      assertThat(kernels.downloads).isEqualTo(1);
      // What heavy hitters are chosen from comes first.
      assertThat(kernels.uploads).isEqualTo(policy instanceof H2o ? 2 : 1);
    }
    cache.clear();
    kernels.uploads = 0;
    cache.append(0, fresh);
    assertThat(kernels.uploads).isZero(); // all tokens of all rows: that needs no lengths
  }

  @Test
  void aFullPoolLosesNoPage() {
    fill();
    int[] rest = pool.acquire(pool.free());
    Class<PoolExhaustedException> error = PoolExhaustedException.class;
    leavesAllAsItWas(error, "pages: 2 wanted, 0 of 12 free", () -> cache.append(0, fresh));
    leavesAllAsItWas(error, "pages: 1 wanted", () -> cache.append(1, fresh));
    leavesAllAsItWas(error, "pages: 4 wanted", () -> cache.store(0, q, fresh, scored(18)));
    leavesAllAsItWas(error, "pages: 2 wanted", () -> cache.store(1, null, fresh, ENDS));
    for (int page : rest) {
      pool.release(page);
    }
    cache.store(0, q, fresh, scored(18));
  }

  @Test
  void badInputIsRefused() {
    fill();
    isRefused("layer: 2, expected 0..1", () -> cache.append(2, fresh));
    isRefused("layer: -1, expected 0..1", () -> cache.view(-1));
    isRefused("row: 2, expected 0..1", () -> cache.share(0, 2));
    isRefused("row: -1, expected 0..1", () -> cache.clear(-1));
    isRefused("fresh", () -> cache.append(0, Fixture.tokens(ROWS + 1, HEADS, 0, 4)));
    isRefused("fresh", () -> cache.append(0, Fixture.tokens(ROWS, HEADS + 1, 0, 4)));
    isRefused("lengths", () -> cache.append(0, Fixture.ragged(HEADS, 0, 4, 2, 5)));
    isRefused("lengths", () -> cache.append(0, Fixture.ragged(HEADS, 0, 4, -1, 2)));
    isRefused(
        "tokens of row 1: 63, expected at most 60",
        () -> cache.append(0, Fixture.ragged(HEADS, 0, 20, 0, 20)));
    isRefused(
        "window of row 0: 10, expected -40..9",
        () -> cache.store(0, q, fresh, window(new int[] {0}, new int[] {10})));
    isRefused(
        "queryRows of row 0: 10, expected 0..9",
        () -> cache.store(0, q, fresh, window(new int[] {10}, new int[] {9})));
    isRefused("window", () -> cache.store(0, q, fresh, window(new int[] {1}, new int[] {4, 4})));
    isRefused("q", () -> cache.store(0, q.narrow(0, 0, 1), fresh, scored(20)));
    isRefused("q: null", () -> cache.store(0, null, fresh, scored(20)));
    isRefused("retentions: 0", () -> cache.store(0, q, fresh, List.of()));
    isRefused(
        "tokens of row 0, head 1: 10, expected -40..9", () -> cache.store(0, q, fresh, chosen(10)));
    isRefused("tokens of row 0, head 1: -41", () -> cache.store(0, q, fresh, chosen(-41)));
    isRefused(
        "expected as many heads as the cache, 2",
        () -> cache.store(0, q, fresh, new Retention.Chosen(new int[][] {{1}, {2}, {3}})));
    isRefused(
        "expected equally many tokens of all heads",
        () -> cache.store(0, q, fresh, new Retention.Chosen(new int[][] {{1}, {2, 3}})));
    isRefused(
        "expected equally many tokens of all heads",
        () ->
            cache.store(
                0, q, fresh, new Retention.Scored(WINDOW, WINDOW, Scoring.paper(1), 9, 10)));
    isRefused(
        "expected one that says which tokens stay",
        () -> cache.store(0, q, fresh, new Retention.Counted(20)));
    isRefused("4 behind 4, expected rising", () -> new Retention.Chosen(new int[][] {{4, 4}}));
    isRefused("capacity: -1", () -> new Retention.Sampled(1, -1));
    isRefused("capacity: 1, expected at least the window's 2", () -> scored(1));
    isRefused("oldest, newest: -1, 4", () -> new Retention.Ends(-1, 4));
  }

  @Test
  void badPoliciesAreRefusedWhenTheyAreMade() {
    isRefused("tokens: -1, expected 0 or more", () -> EvictionPolicy.slidingWindow(-1));
    isRefused("tokens: -1, expected 0 or more", () -> EvictionPolicy.random(-1, 1));
    isRefused("sinks: -1, expected 0 or more", () -> EvictionPolicy.streamingLlm(-1, 4));
    isRefused("tokens: 3, expected at least the 4", () -> EvictionPolicy.streamingLlm(4, 3));
  }

  @Test
  void headsOutsideTheCacheAreRefusedWhateverAPageHolds() {
    isRefused("head: 2, expected 0..1", () -> cache.tokens(0, 0, HEADS));
    isRefused("head: -1, expected 0..1", () -> cache.tokens(0, 0, -1));
  }

  private static Retention chosen(int token) {
    return new Retention.Chosen(new int[][] {{1}, {token}});
  }

  private static Retention window(int[] queryRows, int[] window) {
    return new Retention.Scored(queryRows, window, Scoring.official(1), 20);
  }

  @Test
  void badCachesAreRefused() {
    assertThatThrownBy(() -> new KvCache(kernels, pool, 0, 1, HEADS, 1))
        .hasMessageContaining("layers: 0");
    assertThatThrownBy(() -> new KvCache(kernels, pool, 1, 0, HEADS, 1))
        .hasMessageContaining("rows: 0");
    assertThatThrownBy(() -> new KvCache(kernels, pool, 1, 1, 3, 1))
        .hasMessage("heads: 3, expected 2 as a page holds");
    assertThatThrownBy(() -> new KvCache(kernels, pool, 1, 1, HEADS, 0))
        .hasMessageContaining("maxTokens: 0");
    assertThatThrownBy(() -> new KvCache(kernels, pool, 1, 1 << 20, HEADS, 1 << 30))
        .hasMessageContaining("maxTokens");
    PagePool device =
        PagePool.over(pool.layout(), Buffer.ofDevicePointer(0, 4096, pool.layout().pageBytes()));
    assertThatThrownBy(() -> new KvCache(kernels, device, 1, 1, HEADS, 1))
        .hasMessage("place: cuda:0, expected host memory on this backend");
  }

  @Test
  void aClosedCacheThrowsAndClosesAgain() {
    fill();
    cache.close();
    cache.close();
    assertThat(pool.used()).isZero();
    assertThatThrownBy(() -> cache.append(0, fresh))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the cache is closed");
    assertThatThrownBy(cache::clear).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> cache.tokens(0, 0)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aCacheOutlivedByItsPoolClosesQuietly() {
    fill();
    pool.close();
    assertThatThrownBy(() -> cache.append(0, fresh)).isInstanceOf(IllegalStateException.class);
    cache.close();
    cache.close();
  }
}
