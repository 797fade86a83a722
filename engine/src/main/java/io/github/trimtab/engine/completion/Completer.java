package io.github.trimtab.engine.completion;

import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.llama.LlamaTarget;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.speculative.SpeculativeDecoder;
import io.github.trimtab.speculative.Warping;
import java.util.Arrays;
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
  static final int LIKELY = 3;

  private final TextModels models;
  private final Kernels kernels;
  private final LlamaTarget target;
  private final Drafters drafters;
  private final @Nullable EvictionPolicy prompts;

  /**
   * Takes memory for one text.
   *
   * @param on where the models run
   * @param tokens most of a text, its prompt included
   */
  public Completer(TextModels models, LlamaBackend on, int tokens) {
    this(models, on, tokens, null);
  }

  /**
   * Takes memory for one text, of whose prompt the target's cache keeps what a policy says. The
   * text is then the target's own behind what it kept; drafters keep everything.
   *
   * @param on where the models run
   * @param tokens most of a text, its prompt included
   * @param prompts such as {@link io.github.trimtab.engine.llama.PromptPolicy#snapKv}; null keeps
   *     all
   */
  public Completer(
      TextModels models, LlamaBackend on, int tokens, @Nullable EvictionPolicy prompts) {
    this.models = models;
    kernels = on.hostKernels();
    this.prompts = prompts;
    target = new LlamaTarget(models.target(), on, tokens, DType.F32);
    drafters = new Drafters(models, target.features(), on, tokens);
  }

  /** Bytes of keys and values that the target held at most at once, over all texts. */
  public long peakCacheBytes() {
    return target.peakCacheBytes();
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
    if (prompts == null) {
      target.prompt(held);
    } else {
      target.prompt(held, prompts);
    }
    SplittableRandom random = new SplittableRandom(seed);
    SpeculativeDecoder decoder =
        speculation == null
            ? SpeculativeDecoder.plain(kernels, target, warping, random, prompt)
            : SpeculativeDecoder.of(
                kernels,
                target,
                drafters.begin(speculation, prompt),
                speculation.heads(),
                speculation.drafting(warping),
                warping,
                random,
                prompt);
    Text text =
        new Text(decoder, speculation, most, models.target().config().ends(), target::likely, each);
    while (!text.isDone()) {
      text.begin();
      text.end();
    }
    return text.completion();
  }

  @Override
  public void close() {
    drafters.close();
    target.close();
  }
}
