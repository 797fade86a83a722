package io.github.trimtab.engine.completion;

import io.github.trimtab.engine.llama.EagleDrafter;
import io.github.trimtab.engine.llama.LlamaDrafter;
import io.github.trimtab.engine.llama.LlamaTarget;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.DType;
import io.github.trimtab.speculative.DraftModel;
import io.github.trimtab.speculative.SpeculativeDecoder;
import io.github.trimtab.speculative.Warping;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Completes texts one after the other, in caches that are reused from text to text.
 *
 * <p>Threads: one at a time.
 */
public final class Completer implements AutoCloseable {

  /** The target's most probable ids after each token that may join a tail. */
  private static final int LIKELY = 3;

  private final TextModels models;
  private final Kernels kernels;
  private final LlamaTarget target;
  private final LlamaDrafter draft;
  private final EagleDrafter eagle;

  /**
   * Takes memory for one text.
   *
   * @param tokens most of a text, its prompt included
   */
  public Completer(TextModels models, Kernels kernels, int tokens) {
    this.models = models;
    this.kernels = kernels;
    target = new LlamaTarget(models.target(), kernels, tokens, DType.F32);
    draft = new LlamaDrafter(models.draft(), kernels, tokens, DType.F32);
    eagle = new EagleDrafter(models.eagle(), target, kernels, tokens, DType.F32);
  }

  /**
   * Completes a text.
   *
   * @param prompt its tokens, 2 or more
   * @param most tokens to write; fewer where the text ends
   * @param warping how the target's logits become its distribution
   * @param speculation how tokens are drafted; null: not at all
   * @param seed of the uniforms
   * @param each sees every token as soon as it is text
   */
  public Completion complete(
      int[] prompt,
      int most,
      Warping warping,
      @Nullable Speculation speculation,
      long seed,
      IntConsumer each) {
    if (prompt.length < 2) {
      throw new IllegalArgumentException(
          "prompt: " + prompt.length + " tokens, expected 2 or more");
    }
    int[] held = Arrays.copyOf(prompt, prompt.length - 1);
    target.clear();
    target.watch(speculation == null || speculation.tail() == null ? 0 : LIKELY);
    target.prompt(held);
    SplittableRandom random = new SplittableRandom(seed);
    SpeculativeDecoder decoder =
        speculation == null
            ? SpeculativeDecoder.plain(kernels, target, warping, random, prompt)
            : SpeculativeDecoder.of(
                kernels,
                target,
                begin(speculation, prompt, held),
                speculation.heads(),
                speculation.drafting(warping),
                warping,
                random,
                prompt);
    return run(decoder, most, speculation, each);
  }

  private DraftModel begin(Speculation speculation, int[] prompt, int[] held) {
    if (speculation.tail() != null) {
      speculation.tail().clearTail();
      speculation.tail().addAll(prompt, prompt.length);
    }
    return switch (speculation.drafter()) {
      case EAGLE -> {
        eagle.clear();
        eagle.prompt(held);
        yield eagle;
      }
      case MODEL -> {
        draft.clear();
        draft.prompt(held);
        yield draft;
      }
    };
  }

  private Completion run(
      SpeculativeDecoder decoder, int most, @Nullable Speculation speculation, IntConsumer each) {
    List<Integer> ends = models.target().config().ends();
    int[] tokens = new int[most];
    int[] emitted = new int[decoder.most()];
    int count = 0;
    long start = System.nanoTime();
    while (count < most) {
      int round = decoder.next(emitted);
      for (int i = 0; i < round && count < most; i++) {
        tokens[count++] = emitted[i];
        each.accept(emitted[i]);
        if (ends.contains(emitted[i])) {
          most = count;
        }
      }
      if (speculation != null && speculation.tail() != null) {
        target.likely(speculation.tail()::add);
        speculation.tail().addAll(emitted, round);
      }
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    return new Completion(Arrays.copyOf(tokens, count), decoder.efficiency(), seconds);
  }

  @Override
  public void close() {
    eagle.close();
    draft.close();
    target.close();
  }
}
