package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class ParallelItemsTest {

  @Test
  void everyItemRunsOnceWithItsLoopsOnItsThreadAndInTheSamePieces() {
    AtomicIntegerArray runs = new AtomicIntegerArray(9);
    int[][] pieces = new int[9][4];
    Parallel.forItems(
        9,
        item -> {
          runs.incrementAndGet(item);
          Thread own = Thread.currentThread();
          Parallel.forRange(
              10,
              3,
              (from, to) -> {
                assertEquals(own, Thread.currentThread());
                pieces[item][from / 3] += to - from;
              });
        });
    for (int item = 0; item < 9; item++) {
      assertEquals(1, runs.get(item));
      assertArrayEquals(new int[] {3, 3, 3, 1}, pieces[item]);
    }
  }

  @Test
  void aFailureIsThrownWhenTheOthersAreDone() {
    boolean[] done = new boolean[5];
    assertThrows(
        IllegalStateException.class,
        () ->
            Parallel.forItems(
                5,
                item -> {
                  if (item == 1) {
                    throw new IllegalStateException("item 1");
                  }
                  done[item] = true;
                }));
    done[1] = true;
    assertEquals("[true, true, true, true, true]", Arrays.toString(done));
    Parallel.forItems(0, item -> done[item] = false);
  }
}
