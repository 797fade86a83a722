package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.trimtab.memory.Tensor;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AdaptiveHeadsTest {
  private static final FallbackRule RULE = new FallbackRule(30, 0.4, 0.6, 10, 6);

  private record Named(String name) implements DraftHead {
    @Override
    public Tensor ids() {
      return Tensor.wrap(new int[0], 0);
    }

    @Override
    public void logits(Tensor hidden, Tensor logits) {}

    @Override
    public void top(Tensor hidden, Tensor ids, Tensor values, Tensor logSumExp) {}
  }

  private static final Named CODE = new Named("code");
  private static final Named PROSE = new Named("prose");
  private static final Named FULL = new Named("full");

  /** Runs rounds of three drafts, of which as many are accepted as the head in use gets. */
  private static int[] rounds(AdaptiveHeads heads, int count, int code, int prose, int full) {
    int[] used = new int[3];
    for (int i = 0; i < count; i++) {
      DraftHead head = heads.next();
      int which = head.equals(CODE) ? 0 : head.equals(PROSE) ? 1 : 2;
      used[which]++;
      heads.observed(3, which == 0 ? code : which == 1 ? prose : full);
    }
    return used;
  }

  @Test
  void aHeadThatIsAcceptedStays() {
    AdaptiveHeads heads = new AdaptiveHeads(List.of(CODE, PROSE), FULL, RULE);
    assertThat(rounds(heads, 100, 2, 0, 3)).containsExactly(100, 0, 0);
  }

  @Test
  void theOtherDomainsHeadTakesOver() {
    AdaptiveHeads heads = new AdaptiveHeads(List.of(CODE, PROSE), FULL, RULE);
    assertThat(rounds(heads, 100, 0, 2, 3)).containsExactly(10, 90, 0);
    assertThat(rounds(heads, 100, 2, 0, 3)).containsExactly(95, 5, 0);
  }

  @Test
  void theFullHeadTakesOverAndProbesTheWayBack() {
    AdaptiveHeads heads = new AdaptiveHeads(List.of(CODE), FULL, RULE);
    // The window, then a probe of two rounds after every ten on the full head.
    assertThat(rounds(heads, 10 + 12 * 5, 0, 0, 3)).containsExactly(10 + 10, 0, 50);
    assertThat(heads.current()).isEqualTo(-1);
    // A head as good as the bound to enter comes back, one below it does not.
    assertThat(rounds(heads, 24, 1, 0, 3)).containsExactly(4, 0, 20);
    assertThat(rounds(heads, 100, 2, 0, 3)).containsExactly(90, 0, 10);
    assertThat(heads.current()).isZero();
  }

  @Test
  void betweenTheBoundsNothingChanges() {
    FallbackRule rule = new FallbackRule(30, 0.3, 0.5, 10, 6);
    AdaptiveHeads heads = new AdaptiveHeads(List.of(CODE), FULL, rule);
    assertThat(rounds(heads, 50, 1, 0, 3)).containsExactly(50, 0, 0);
    int[] _ = rounds(heads, 11, 0, 0, 3);
    assertThat(heads.current()).isEqualTo(-1);
    assertThat(rounds(heads, 60, 1, 0, 3)[0]).isLessThanOrEqualTo(10);
    assertThat(heads.current()).isEqualTo(-1);
  }

  @Test
  void theCallerMaySwitch() {
    AdaptiveHeads heads = new AdaptiveHeads(List.of(CODE, PROSE), FULL, RULE);
    heads.use(1);
    assertThat(heads.next()).isEqualTo(PROSE);
    assertThat(rounds(heads, 20, 0, 2, 3)).containsExactly(0, 20, 0);
    assertThatIllegalArgumentException().isThrownBy(() -> heads.use(2)).withMessageContaining("2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new AdaptiveHeads(List.of(), FULL, RULE))
        .withMessageContaining("trimmed");
  }

  @Test
  void rollingAcceptanceIsThatOfTheLatestRounds() {
    Random random = new Random(2);
    RollingAcceptance rolling = new RollingAcceptance(20);
    ArrayDeque<int[]> latest = new ArrayDeque<>();
    assertThat(rolling.value()).isNaN();
    for (int i = 0; i < 500; i++) {
      int drafted = random.nextInt(30);
      int accepted = random.nextInt(drafted + 1);
      rolling.add(drafted, accepted);
      if (drafted > 0) {
        latest.addLast(new int[] {drafted, accepted});
      }
      while (sum(latest, 0) - (latest.isEmpty() ? 0 : latest.getFirst()[0]) >= 20) {
        latest.removeFirst();
      }
      assertThat(rolling.isFull()).isEqualTo(sum(latest, 0) >= 20);
      assertThat(rolling.value()).isEqualTo((double) sum(latest, 1) / sum(latest, 0));
    }
    rolling.clear();
    assertThat(rolling.isFull()).isFalse();
    assertThatIllegalArgumentException().isThrownBy(() -> rolling.add(1, 2));
  }

  private static int sum(ArrayDeque<int[]> rounds, int which) {
    return rounds.stream().mapToInt(round -> round[which]).sum();
  }

  @Test
  void rulesThatCannotWork() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new FallbackRule(0, 0.1, 0.2, 1, 1))
        .withMessageContaining("window: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new FallbackRule(1, 0.3, 0.2, 1, 1))
        .withMessageContaining("enter: 0.2");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new FallbackRule(1, 0.1, 0.2, 0, 1))
        .withMessageContaining("probeEvery: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new FallbackRule(1, -0.1, 0.2, 1, 0))
        .withMessageContaining("leave: -0.1");
  }
}
