package io.github.trimtab.engine.draftstudy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RatioTest {

  private record Pair(double above, double below) {}

  @Test
  void ofEqualDenominatorsItIsTheMeanAndItsStandardError() {
    List<Pair> prompts = List.of(new Pair(1, 2), new Pair(4, 2), new Pair(7, 2));
    Ratio ratio = Ratio.of(prompts, Pair::above, Pair::below);
    assertEquals(2, ratio.value(), 1e-12);
    // values 0.5, 2, 3.5: deviation 1.5, over the root of 3
    assertEquals(1.5 / Math.sqrt(3), ratio.error(), 1e-12);
  }

  @Test
  void aCellAgainstItselfIsOneWithoutError() {
    SplittableRandom random = new SplittableRandom(1);
    List<Pair> prompts =
        IntStream.range(0, 9)
            .mapToObj(_ -> new Pair(random.nextDouble(), 1 + random.nextDouble()))
            .toList();
    Ratio same = Ratio.ofRatios(prompts, prompts, Pair::above, Pair::below);
    assertEquals(1, same.value(), 1e-12);
    assertEquals(0, same.error(), 1e-12);
  }

  @Test
  void onePromptHasNoError() {
    assertEquals(new Ratio(3, 0), Ratio.of(List.of(new Pair(6, 2)), Pair::above, Pair::below));
  }

  @Test
  void doublingOneSideDoublesTheQuotient() {
    List<Pair> prompts = List.of(new Pair(1, 3), new Pair(2, 5), new Pair(3, 4));
    List<Pair> half = prompts.stream().map(p -> new Pair(p.above() / 2, p.below())).toList();
    Ratio twice = Ratio.ofRatios(prompts, half, Pair::above, Pair::below);
    assertEquals(2, twice.value(), 1e-12);
    assertEquals(0, twice.error(), 1e-12);
  }
}
