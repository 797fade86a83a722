package io.github.trimtab.engine.completion;

import io.github.trimtab.speculative.SpeculativeDecoder;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A text that is being written behind its prompt. */
final class Text {
  private final SpeculativeDecoder decoder;
  private final @Nullable Speculation speculation;
  private final List<Integer> ends;
  private final Consumer<IntConsumer> likely;
  private final IntConsumer each;
  private final int[] tokens;
  private final int[] emitted;
  private final long start = System.nanoTime();
  private long last = start;
  private int count;
  private boolean done;

  /**
   * Begins with the prompt's end.
   *
   * @param most tokens
   * @param ends tokens behind which the text ends
   * @param likely names ids that may follow what was written last, for the tail of a head
   * @param each sees every token as soon as it is text
   */
  Text(
      SpeculativeDecoder decoder,
      @Nullable Speculation speculation,
      int most,
      List<Integer> ends,
      Consumer<IntConsumer> likely,
      IntConsumer each) {
    this.decoder = decoder;
    this.speculation = speculation;
    this.ends = ends;
    this.likely = likely;
    this.each = each;
    tokens = new int[most];
    emitted = new int[decoder.most()];
    done = most == 0;
  }

  boolean isDone() {
    return done;
  }

  void begin() {
    decoder.begin();
  }

  /** Ends a round: takes what became text, up to the end. */
  void end() {
    int round = decoder.end(emitted);
    for (int i = 0; i < round && !done; i++) {
      tokens[count++] = emitted[i];
      each.accept(emitted[i]);
      done = count == tokens.length || ends.contains(emitted[i]);
    }
    if (speculation != null && speculation.tail() != null) {
      likely.accept(speculation.tail()::add);
      speculation.tail().addAll(emitted, round);
    }
    last = System.nanoTime();
  }

  Completion completion() {
    return completion((last - start) * 1e-9);
  }

  Completion completion(double seconds) {
    return new Completion(Arrays.copyOf(tokens, count), decoder.efficiency(), seconds);
  }
}
