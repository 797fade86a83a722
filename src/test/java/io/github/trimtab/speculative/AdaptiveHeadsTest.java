package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.memory.Tensor;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AdaptiveHeadsTest {
  private static final FallbackRule RULE = new FallbackRule(0.8, 60);

  private record Kept(List<Integer> kept) implements DraftHead {
    @Override
    public Tensor ids() {
      return Tensor.wrap(kept.stream().mapToInt(id -> id).toArray(), kept.size());
    }

    @Override
    public void logits(Tensor hidden, Tensor logits) {}

    @Override
    public void top(Tensor hidden, Tensor ids, Tensor values, Tensor logSumExp) {}
  }

  private static final Kept CODE = new Kept(List.of(0, 1, 2, 3));
  private static final Kept PROSE = new Kept(List.of(0, 4, 5, 6));
  private static final Kept FULL = new Kept(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));

  private static AdaptiveHeads both() {
    return new AdaptiveHeads(List.of(CODE, PROSE), FULL, RULE);
  }

  /**
   * Rounds of three drafts on a text of the same three tokens again and again, where a head drafts
   * every token that it has.
   *
   * @return rounds of each head
   */
  private static int[] rounds(AdaptiveHeads heads, int count, int... text) {
    int[] used = new int[3];
    for (int i = 0; i < count; i++) {
      Kept head = (Kept) heads.next();
      used[head.equals(CODE) ? 0 : head.equals(PROSE) ? 1 : 2]++;
      int accepted = 0;
      while (accepted < text.length && head.kept().contains(text[accepted])) {
        accepted++;
      }
      int[] emitted = new int[4];
      for (int j = 0; j <= accepted; j++) {
        emitted[j] = text[j % text.length];
      }
      heads.observed(3, emitted, accepted);
    }
    return used;
  }

  @Test
  void aHeadThatHoldsTheTextStays() {
    AdaptiveHeads heads = both();
    assertThat(rounds(heads, 100, 1, 2, 3)).containsExactly(100, 0, 0);
    assertThat(heads.share(0)).isEqualTo(1);
  }

  @Test
  void thePromptChoosesTheHead() {
    AdaptiveHeads heads = both();
    heads.begin(new int[] {0, 4, 4, 5, 6, 6});
    assertThat(heads.next()).isEqualTo(PROSE);
    assertThat(heads.share(0)).isCloseTo(1.0 / 6, within(0.02));
    heads.begin(new int[] {7, 8, 9});
    assertThat(heads.next()).isEqualTo(FULL);
    assertThat(heads.current()).isEqualTo(-1);
    // Nothing is known of the other text any more.
    heads.begin(new int[] {1});
    assertThat(heads.next()).isEqualTo(CODE);
  }

  @Test
  void theFullHeadTakesOverAndTellsWhichListHoldsTheText() {
    AdaptiveHeads heads = both();
    heads.begin(new int[] {1, 2, 3, 1, 2, 3, 4, 4});
    int[] foreign = rounds(heads, 200, 7, 8, 9);
    assertThat(heads.current()).isEqualTo(-1);
    assertThat(foreign[0]).isLessThan(20);
    assertThat(foreign[2]).isGreaterThan(175);
    // All four tokens of the full head's round would have been one of a list.
    assertThat(heads.share(0)).isCloseTo(0.25, within(0.01));
    int[] prose = rounds(heads, 200, 4, 5, 6);
    assertThat(heads.current()).isEqualTo(1);
    assertThat(prose[0]).isZero();
    assertThat(prose[1]).isGreaterThan(150);
  }

  @Test
  void whatATrimmedHeadNeverHadIsNotHeldAgainstIt() {
    AdaptiveHeads heads = both();
    Random random = new Random(1);
    for (int i = 0; i < 300; i++) {
      // A drafter that fails everywhere, on tokens that the list holds.
      heads.observed(3, new int[] {1 + random.nextInt(3)}, 0);
      assertThat(heads.next()).isEqualTo(CODE);
    }
  }

  @Test
  void theBoundIsTheShareOfTheFullHeadsTokens() {
    // Of ten tokens a round of the full head, a list that lacks the last draft has nine.
    int[] emitted = {0, 0, 0, 0, 0, 0, 0, 0, 9, 0};
    for (double bound : new double[] {0.85, 0.95}) {
      AdaptiveHeads heads = new AdaptiveHeads(List.of(CODE), FULL, new FallbackRule(bound, 1000));
      heads.begin(new int[] {9, 9});
      for (int i = 0; i < 1000; i++) {
        if (heads.current() < 0) {
          heads.observed(9, emitted, 9);
        }
      }
      assertThat(heads.current()).isEqualTo(bound < 0.9 ? 0 : -1);
    }
  }

  @Test
  void rulesAndHeadsThatCannotWork() {
    for (double share : new double[] {0, -1, 1.01, Double.NaN}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new FallbackRule(share, 1))
          .withMessageContaining("breakEven: " + share);
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new FallbackRule(0.5, 0))
        .withMessageContaining("window: 0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new AdaptiveHeads(List.of(), FULL, RULE))
        .withMessageContaining("trimmed");
  }
}
