package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicIntegerArray;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class CeilingsTest {
  @Test
  void readLoopReadsEveryWord() {
    try (var arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(1024, 128);
      int sum = 0;
      for (int i = 0; i < 256; i++) {
        data.setAtIndex(ValueLayout.JAVA_INT, i, i * i);
        sum += i * i;
      }
      assertThat(JavaLoops.read(data)).isEqualTo(sum);
    }
  }

  @Test
  void multiplyAddsStayFinite() {
    int lanes = FloatVector.SPECIES_PREFERRED.length();
    assertThat(JavaLoops.fma(1000)).isEqualTo(12 * lanes * 0.5f);
  }

  @Test
  void workersRunEveryPieceOnce() {
    var counts = new AtomicIntegerArray(1000);
    try (var workers = new Workers(3)) {
      workers.run(1000, counts::getAndIncrement);
    }
    for (int i = 0; i < 1000; i++) {
      assertThat(counts.get(i)).isEqualTo(1);
    }
  }

  @Test
  void quartilesInterpolate() {
    assertThat(Spread.of(new double[] {4, 1, 3, 2})).isEqualTo(new Spread(1.75, 2.5, 3.25));
  }

  @Test
  void ratiosAreThoseOfTheRounds() {
    Rounds rounds = new Rounds(4).add("a", 1, set -> {}).add("b", 1, set -> sleep());
    rounds.run(0.01);
    assertThat(rounds.best("a", "b", "c")).isEqualTo("a");
    assertThat(rounds.ratio("a", "b").median()).isGreaterThan(2);
  }

  private static void sleep() {
    try {
      Thread.sleep(1);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
