package io.github.trimtab.engine.completion;

import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.llama.LlamaBatch;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.DType;
import io.github.trimtab.speculative.SpeculativeDecoder;
import io.github.trimtab.speculative.TargetModel;
import io.github.trimtab.speculative.Warping;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Completes several texts side by side: a target pass a round for all of them. Each text has its
 * own drafter, which drafts by itself, and is what it would be alone.
 *
 * <p>Threads: one at a time.
 */
public final class BatchCompleter implements AutoCloseable {
  private final TextModels models;
  private final Kernels kernels;
  private final LlamaBatch target;
  private final List<Drafters> drafters = new ArrayList<>();

  /**
   * Takes memory for texts.
   *
   * @param on where the models run
   * @param rows texts, 1 to 64
   * @param tokens most of a text, its prompt and a round's drafts included
   */
  public BatchCompleter(TextModels models, LlamaBackend on, int rows, int tokens) {
    this.models = models;
    kernels = on.hostKernels();
    target = new LlamaBatch(models.target(), on, rows, tokens, DType.F32);
    for (int row = 0; row < rows; row++) {
      drafters.add(new Drafters(models, target.features(row), on, tokens));
    }
  }

  /**
   * Completes texts.
   *
   * <p>The seconds of each are its equal part of what all took together, so that they add up to it.
   *
   * @param prompts one a row, each of 2 tokens or more; rows without one stay empty
   * @param most tokens to write behind each; fewer where a text ends
   * @param warping how the target's logits become its distribution
   * @param speculation how a row's tokens are drafted, with heads of its own, or null: not at all
   * @param seed of a row's uniforms
   */
  public List<Completion> complete(
      List<int[]> prompts,
      int most,
      Warping warping,
      IntFunction<? extends @Nullable Speculation> speculation,
      IntToLongFunction seed) {
    if (prompts.size() > drafters.size()) {
      throw new IllegalArgumentException(
          "prompts: " + prompts.size() + ", expected at most the " + drafters.size() + " rows");
    }
    for (int[] prompt : prompts) {
      if (prompt.length < 2) {
        throw new IllegalArgumentException(
            "prompt: " + prompt.length + " tokens, expected 2 or more");
      }
    }
    int[][] held = new int[drafters.size()][];
    Arrays.setAll(
        held,
        row -> {
          int[] prompt = row < prompts.size() ? prompts.get(row) : new int[1];
          return Arrays.copyOf(prompt, prompt.length - 1);
        });
    target.clear();
    target.prompt(held);
    List<Text> texts = new ArrayList<>();
    boolean tails = false;
    for (int row = 0; row < prompts.size(); row++) {
      @Nullable Speculation drafting = speculation.apply(row);
      tails |= drafting != null && drafting.tail() != null;
      texts.add(text(row, prompts.get(row), most, warping, drafting, seed.applyAsLong(row)));
    }
    target.watch(tails ? Completer.LIKELY : 0);
    long start = System.nanoTime();
    List<Text> left = new ArrayList<>(texts);
    left.removeIf(Text::isDone);
    while (!left.isEmpty()) {
      left.forEach(Text::begin);
      target.run();
      left.forEach(Text::end);
      left.removeIf(Text::isDone);
    }
    double seconds = (System.nanoTime() - start) * 1e-9 / texts.size();
    return texts.stream().map(text -> text.completion(seconds)).toList();
  }

  private Text text(
      int index,
      int[] prompt,
      int most,
      Warping warping,
      @Nullable Speculation speculation,
      long seed) {
    TargetModel row = target.row(index);
    SplittableRandom random = new SplittableRandom(seed);
    SpeculativeDecoder decoder =
        speculation == null
            ? SpeculativeDecoder.plain(kernels, row, warping, random, prompt)
            : SpeculativeDecoder.of(
                kernels,
                row,
                drafters.get(index).begin(speculation, prompt),
                speculation.heads(),
                speculation.drafting(warping),
                warping,
                random,
                prompt);
    return new Text(
        decoder,
        speculation,
        most,
        models.target().config().ends(),
        each -> target.likely(index, each),
        _ -> {});
  }

  @Override
  public void close() {
    drafters.forEach(Drafters::close);
    target.close();
  }
}
