package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.benchmarks.Figure.Group;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StudyTest {
  @Test
  void exponentIsThePowerOfSize() {
    for (double power : new double[] {0, 0.5, 1, 2}) {
      assertThat(SizeStudy.exponent(line("evict", x -> 7 * Math.pow(x, power))))
          .isCloseTo(power, within(1e-12));
    }
  }

  @Test
  void aTrimmedHeadGainsWhatItsTimeSaves() {
    DraftStudy.Pair pair = DraftStudy.PAIRS.getFirst();
    // At 1 GB/s a step of the target takes 2 ms a million weights, that of the body likewise.
    double body = 2e-6 * pair.body();
    double target = 2e-6 * pair.target();
    List<Figure> line = List.of(figure("", pair.vocabulary(), 500), figure("", 4096, 16));
    assertThat(DraftStudy.gain(pair, line, 500, pair.vocabulary(), 1)).isCloseTo(1, within(1e-12));
    double expected = ((body + 500) / target * 3 + 1) / ((body + 16) / target * 3 + 1);
    assertThat(DraftStudy.gain(pair, line, 500, 4096, 1)).isCloseTo(expected, within(1e-12));
  }

  @Test
  void tablesShowTimesAndExponents() {
    var machine = new Machine("A CPU", 2, "Linux", "25", "256 bits", "g++");
    List<Figure> figures = line("evict", x -> x / 1000);
    assertThat(StudyTables.all(new Results(machine, "abc", "2026-01-01", List.of(), figures)))
        .contains("| Time against cached tokens | 1000 | 10000 | 100000 | fitted exponent |")
        .contains("| evict | 1.00 | 10.0 | 100 | 1.00 |")
        .contains("(results/study-a-cpu-2-cores-tokens.png)");
  }

  private static List<Figure> line(String name, DoubleUnaryOperator time) {
    return IntStream.of(1000, 10_000, 100_000)
        .mapToObj(x -> figure(name, x, time.applyAsDouble(x)))
        .toList();
  }

  private static Figure figure(String name, int size, double time) {
    var spread = new Spread(time, time, time);
    return new Figure(Group.TOKENS, name, Integer.toString(size), 1, "ms", spread, null);
  }
}
