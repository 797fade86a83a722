package io.github.trimtab.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PagePoolTest {
  private static final PageLayout LAYOUT = new PageLayout(DType.BF16, 16, 2, 8);

  @Test
  void countsWhatIsUsedFreeAndHeldAtThePeak() {
    try (PagePool pool = new PagePool(LAYOUT, 5)) {
      assertCounts(pool, 0, 0);
      int[] three = pool.acquire(3);
      assertThat(three).containsExactly(0, 1, 2);
      assertCounts(pool, 3, 3);
      pool.release(1);
      assertCounts(pool, 2, 3);
      assertThat(pool.acquire(2)).containsExactly(1, 3);
      assertCounts(pool, 4, 4);
      pool.release(0);
      pool.resetPeak();
      assertCounts(pool, 3, 3);
      assertThat(pool.acquire(0)).isEmpty();
      assertCounts(pool, 3, 3);
      assertThat(pool.peakBytes()).isEqualTo(3 * LAYOUT.pageBytes());
    }
  }

  private static void assertCounts(PagePool pool, int used, int peak) {
    assertThat(pool.used()).isEqualTo(used);
    assertThat(pool.free()).isEqualTo(pool.capacity() - used);
    assertThat(pool.peak()).isEqualTo(peak);
  }

  @Test
  void aPageIsFreeWhenItsLastReferenceGoes() {
    try (PagePool pool = new PagePool(LAYOUT, 2)) {
      int page = pool.acquire(1)[0];
      pool.retain(page);
      assertThat(pool.references(page)).isEqualTo(2);
      pool.release(page);
      assertCounts(pool, 1, 1);
      pool.release(page);
      assertCounts(pool, 0, 1);
      assertThat(pool.references(page)).isZero();
    }
  }

  @Test
  void doubleReleaseAndStrangePagesAreRefusedAndChangeNothing() {
    try (PagePool pool = new PagePool(LAYOUT, 2)) {
      int page = pool.acquire(1)[0];
      pool.release(page);
      assertThatThrownBy(() -> pool.release(page))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("page 0 is free");
      assertThatThrownBy(() -> pool.retain(1)).isInstanceOf(IllegalStateException.class);
      assertThatIllegalArgumentException().isThrownBy(() -> pool.release(-1));
      assertThatIllegalArgumentException().isThrownBy(() -> pool.release(2));
      assertThatIllegalArgumentException().isThrownBy(() -> pool.acquire(-1));
      assertCounts(pool, 0, 1);
    }
  }

  @Test
  void anExhaustedPoolTakesNothing() {
    try (PagePool pool = new PagePool(LAYOUT, 3)) {
      int[] unused = pool.acquire(2);
      assertThat(unused).hasSize(2);
      assertThatThrownBy(() -> pool.acquire(2))
          .isInstanceOf(PoolExhaustedException.class)
          .hasMessageContaining("2 wanted, 1 of 3 free");
      assertCounts(pool, 2, 2);
      assertThat(pool.acquire(1)).containsExactly(2);
    }
  }

  @Test
  void randomUseLosesNoPage() {
    Random random = new Random(2);
    Map<Integer, Integer> expected = new HashMap<>();
    Deque<Integer> held = new ArrayDeque<>();
    int peak = 0;
    try (PagePool pool = new PagePool(LAYOUT, 37)) {
      for (int step = 0; step < 20_000; step++) {
        int count = random.nextInt(5);
        switch (random.nextInt(3)) {
          case 0 -> {
            if (count <= pool.free()) {
              for (int page : pool.acquire(count)) {
                assertThat(expected.put(page, 1)).isNull();
                held.add(page);
              }
            }
          }
          case 1 -> {
            if (!held.isEmpty()) {
              int page = held.peekFirst();
              pool.retain(page);
              expected.merge(page, 1, Integer::sum);
              held.addLast(page);
            }
          }
          default -> {
            if (!held.isEmpty()) {
              int page = held.removeFirst();
              pool.release(page);
              expected.computeIfPresent(page, (p, n) -> n == 1 ? null : n - 1);
            }
          }
        }
        peak = Math.max(peak, expected.size());
        assertCounts(pool, expected.size(), peak);
      }
      while (!held.isEmpty()) {
        pool.release(held.removeFirst());
      }
      assertCounts(pool, 0, peak);
      int[] all = pool.acquire(37);
      assertThat(Arrays.stream(all).distinct().count()).isEqualTo(37);
    }
  }

  @Test
  void aClosedPoolIsRefusedAndClosingTwiceIsHarmless() {
    PagePool pool = new PagePool(LAYOUT, 2);
    int page = pool.acquire(1)[0];
    pool.close();
    pool.close();
    assertThat(pool.slab().isOpen()).isFalse();
    assertThat(pool.used()).isZero();
    assertThatThrownBy(() -> pool.acquire(1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> pool.retain(page)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> pool.release(page)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void overTheCallersMemoryItHoldsWholePagesAndLeavesTheMemoryOpen() {
    try (Buffer slab = Buffer.allocate(3 * LAYOUT.pageBytes() + 17)) {
      PagePool pool = PagePool.over(LAYOUT, slab);
      assertThat(pool.capacity()).isEqualTo(3);
      pool.close();
      assertThat(slab.isOpen()).isTrue();
      Buffer small = Buffer.wrap(slab.segment().asSlice(0, LAYOUT.pageBytes() - 1));
      assertThatIllegalArgumentException().isThrownBy(() -> PagePool.over(LAYOUT, small));
      Buffer between = Buffer.wrap(slab.segment().asSlice(64, LAYOUT.pageBytes()));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> PagePool.over(LAYOUT, between))
          .withMessageContaining("expected a multiple of 128 bytes");
    }
    Buffer device = Buffer.ofDevicePointer(0, 4096 + 64, LAYOUT.pageBytes());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> PagePool.over(LAYOUT, device))
        .withMessageContaining("slab: at address 0x1040");
    Buffer heap = Buffer.wrap(MemorySegment.ofArray(new byte[(int) LAYOUT.pageBytes()]));
    assertThat(PagePool.over(LAYOUT, heap).capacity()).isEqualTo(1);
    assertThatIllegalArgumentException().isThrownBy(() -> new PagePool(LAYOUT, 0));
  }

  /** More counts than an array holds: the heap refuses them whatever its size. */
  @Test
  void aPoolWhoseCountsDoNotFitTakesNoSlab() {
    int[] asked = {0};
    assertThatThrownBy(() ->
            new PagePool(
                LAYOUT,
                Integer.MAX_VALUE,
                bytes -> {
                  asked[0]++;
                  return Buffer.ofDevicePointer(0, 4096, bytes);
                }))
        .isInstanceOf(OutOfMemoryError.class);
    assertThat(asked[0]).isZero();
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "FP8_E4M3", "INT8"})
  void partsOfAPageAreAlignedAndDoNotOverlap(DType dtype) {
    for (int tokens = 16; tokens <= 128; tokens *= 2) {
      for (int headDim = 8; headDim <= 256; headDim += 8) {
        PageLayout layout = new PageLayout(dtype, tokens, 3, headDim);
        long codes = (long) tokens * layout.tokenBytes();
        long scales = dtype.isQuantized() ? 2L * tokens : 0;
        assertThat(layout.scalesAfterCodes()).isGreaterThanOrEqualTo(codes);
        long end = 0;
        for (int part = 0; part < 6; part++) {
          long start = part < 3 ? layout.keys(part) : layout.values(part - 3);
          assertThat(start % Buffer.ALIGNMENT).isZero();
          assertThat(start).isGreaterThanOrEqualTo(end);
          end = start + (scales == 0 ? codes : layout.scalesAfterCodes() + scales);
        }
        assertThat(layout.pageBytes()).isGreaterThanOrEqualTo(end).isLessThan(end + 256);
        assertThat(layout.pageBytes() % Buffer.ALIGNMENT).isZero();
      }
    }
  }

  @Test
  void layoutsOutsideTheirBoundsAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PageLayout(DType.INT4, 16, 1, 8))
        .withMessageContaining("dtype: INT4");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PageLayout(DType.F32, 24, 1, 8))
        .withMessageContaining("tokens: 24");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PageLayout(DType.F32, 16, 0, 8))
        .withMessageContaining("heads: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new PageLayout(DType.F32, 16, 1, 12))
        .withMessageContaining("headDim: 12");
    assertThatIllegalArgumentException().isThrownBy(() -> new PageLayout(DType.F32, 16, 1, 264));
  }
}
