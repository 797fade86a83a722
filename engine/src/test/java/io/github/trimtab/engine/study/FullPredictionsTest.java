package io.github.trimtab.engine.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.engine.var.CodeChooser;
import io.github.trimtab.scalekv.Schedule;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

class FullPredictionsTest {

  private static final Schedule SCHEDULE = Schedule.ofTokens(1, 2);
  private static final TokenMaps MAPS = new TokenMaps(0, List.of(new int[] {2}, new int[] {0, 1}));

  /** Logits whose probabilities are these, shifted by a constant that no softmax sees. */
  private static MemorySegment logits(double... probabilities) {
    MemorySegment segment = Arena.ofAuto().allocate(4L * probabilities.length, 64);
    for (int i = 0; i < probabilities.length; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.log(probabilities[i]) + 3);
    }
    return segment;
  }

  private static FullPredictions recorded() {
    FullPredictions full = new FullPredictions(SCHEDULE, 3, MAPS);
    CodeChooser recorder = full.recorder();
    assertThat(recorder.choose(0, logits(0.2, 0.3, 0.5), 1)).containsExactly(2);
    assertThat(recorder.choose(1, logits(0.5, 0.25, 0.25, 0.1, 0.8, 0.1), 2)).containsExactly(0, 1);
    return full;
  }

  @Test
  void lossIsTheMeanCrossEntropyOfTheGivenCodes() {
    double[] loss = recorded().loss();
    assertThat(loss[0]).isCloseTo(-Math.log(0.5), within(1e-6));
    assertThat(loss[1]).isCloseTo(-(Math.log(0.5) + Math.log(0.8)) / 2, within(1e-6));
  }

  @Test
  void measuresAreThoseOfTheDefinition() {
    ScaleMeasures measures = new ScaleMeasures(2);
    CodeChooser comparer = recorded().comparer(measures);
    comparer.choose(0, logits(0.4, 0.3, 0.3), 1);
    comparer.choose(1, logits(0.6, 0.2, 0.2, 0.7, 0.2, 0.1), 2);
    double first = 0.2 * Math.log(0.2 / 0.4) + 0.5 * Math.log(0.5 / 0.3);
    double second = 0.5 * Math.log(0.5 / 0.6) + 2 * 0.25 * Math.log(0.25 / 0.2);
    double third = 0.1 * Math.log(0.1 / 0.7) + 0.8 * Math.log(0.8 / 0.2);
    assertThat(measures.divergence()[0]).isCloseTo(first, within(1e-6));
    assertThat(measures.divergence()[1]).isCloseTo((second + third) / 2, within(1e-6));
    assertThat(measures.loss()[0]).isCloseTo(Math.log(0.5 / 0.3), within(1e-6));
    assertThat(measures.loss()[1])
        .isCloseTo((Math.log(0.5 / 0.6) + Math.log(0.8 / 0.2)) / 2, within(1e-6));
    assertThat(measures.agreement()).containsExactly(0, 0.5);
  }

  @Test
  void theFullCacheCostsNothing() {
    ScaleMeasures measures = new ScaleMeasures(2);
    CodeChooser comparer = recorded().comparer(measures);
    comparer.choose(0, logits(0.2, 0.3, 0.5), 1);
    comparer.choose(1, logits(0.5, 0.25, 0.25, 0.1, 0.8, 0.1), 2);
    assertThat(measures.divergence()).containsExactly(new double[] {0, 0}, within(1e-6));
    assertThat(measures.loss()).containsExactly(new double[] {0, 0}, within(1e-6));
    assertThat(measures.agreement()).containsExactly(1, 1);
  }
}
