package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Rounds that are asked for wrongly, which leave the decoder where it was. */
class SpeculativeDecoderTest {
  private static final int[] PROMPT = {0, 1};

  private final SmallModel model = new SmallModel(_ -> new float[] {0.25f, 0.5f, 0.25f});
  private final SmallPair pair = new SmallPair(model, model, 3, new int[] {0, 1, 2}, PROMPT);
  private SpeculativeDecoder decoder;

  @BeforeEach
  void makeDecoder() {
    decoder =
        SpeculativeDecoder.of(
            Backends.named("scalar").kernels(),
            pair,
            pair,
            DraftHeads.always(pair),
            new Drafting.Chain(2, Warping.temperature(1)),
            Warping.temperature(1),
            new SplittableRandom(1),
            PROMPT);
  }

  @Test
  void tooLittleRoomIsRefusedBeforeAnythingIsDrafted() {
    assertThatThrownBy(() -> decoder.next(new int[2]))
        .hasMessage("emitted: room for 2 tokens, expected 3 or more");
    assertThat(pair.draftPasses).isZero();
    assertThat(pair.targetSteps).isZero();
    assertThat(decoder.next(new int[3])).isBetween(1, 3);
  }

  @Test
  void aRoundThatBeganCanStillEndAfterTooLittleRoom() {
    decoder.begin();
    assertThatThrownBy(() -> decoder.end(new int[0])).hasMessageContaining("room for 0");
    assertThat(decoder.end(new int[3])).isBetween(1, 3);
    assertThat(decoder.efficiency().rounds()).isEqualTo(1);
  }

  @Test
  void roundsBeginAndEndInTurn() {
    assertThatThrownBy(() -> decoder.end(new int[3]))
        .hasMessage("no round has begun, expected one");
    decoder.begin();
    assertThatThrownBy(decoder::begin).hasMessage("a round has begun, expected its end");
    assertThat(decoder.end(new int[3])).isBetween(1, 3);
    assertThatThrownBy(() -> decoder.end(new int[3])).hasMessageContaining("no round has begun");
  }
}
