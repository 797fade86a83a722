package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ParallelTest {

  @Test
  void everyItemRunsOnceWhoeverCalls() {
    IntStream.range(0, 200)
        .parallel()
        .forEach(call -> {
          AtomicIntegerArray runs = new AtomicIntegerArray(call);
          Parallel.forRange(
              call,
              3,
              (from, to) -> {
                for (int i = from; i < to; i++) {
                  runs.incrementAndGet(i);
                }
              });
          for (int i = 0; i < call; i++) {
            assertEquals(1, runs.get(i), "item " + i + " of " + call);
          }
        });
  }

  @Test
  @Timeout(60)
  void whatALoopCapturedIsFreeAfterIt() throws InterruptedException {
    WeakReference<Object> captured = captured();
    while (captured.get() != null) {
      System.gc();
      Thread.sleep(10);
    }
  }

  private static WeakReference<Object> captured() {
    byte[] sums = new byte[100];
    Parallel.forRange(100, 1, (from, to) -> sums[from]++);
    return new WeakReference<>(sums);
  }

  @Test
  void aFailureReachesTheCaller() {
    assertThrows(
        ArithmeticException.class,
        () ->
            Parallel.forRange(
                100,
                1,
                (from, to) -> {
                  if (from == 57) {
                    throw new ArithmeticException();
                  }
                }));
  }
}
