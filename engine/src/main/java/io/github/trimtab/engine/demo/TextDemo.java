package io.github.trimtab.engine.demo;

import io.github.trimtab.engine.completion.Completer;
import io.github.trimtab.engine.completion.Completion;
import io.github.trimtab.engine.completion.Drafter;
import io.github.trimtab.engine.completion.Speculation;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.engine.llama.GatheredHead;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.BlockEfficiency;
import io.github.trimtab.speculative.DraftHead;
import io.github.trimtab.speculative.DraftHeads;
import io.github.trimtab.speculative.SpeedUp;
import io.github.trimtab.speculative.Warping;
import io.github.trimtab.vocab.KeptVocabulary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Completes the same texts greedily: plainly, with drafters that have the full head, and with
 * drafters that have a trimmed one.
 *
 * @param on where the models run
 * @param kept ids of the trimmed head
 * @param prompts what the texts begin with, as tokens
 * @param tokens written behind each prompt
 * @param promptPolicy what the target's cache keeps of a prompt; null: all
 */
public record TextDemo(
    TextModels models,
    LlamaBackend on,
    KeptVocabulary kept,
    List<int[]> prompts,
    int tokens,
    @Nullable EvictionPolicy promptPolicy) {

  /** Drafted tokens of a round. */
  static final int LENGTH = 3;

  /** Tokens written unmeasured by each method, so that none pays for the kernels' compilation. */
  private static final int WARM_UP = 48;

  /**
   * What one method wrote and what that took.
   *
   * @param title for people
   * @param drafter who drafted, or null
   * @param rows of the draft head, 0 without one
   * @param headBytes that a draft pass reads of its head
   * @param cost of a draft pass, as a share of the target's weights
   * @param completions one a prompt
   */
  public record Result(
      String title,
      @Nullable Drafter drafter,
      int rows,
      long headBytes,
      double cost,
      List<Completion> completions) {

    /** Tokens a second. */
    public double speed() {
      return completions.stream().mapToInt(Completion::size).sum()
          / completions.stream().mapToDouble(Completion::seconds).sum();
    }

    /** Rounds, drafts and accepted drafts of all texts. */
    public BlockEfficiency efficiency() {
      return new BlockEfficiency(
          completions.stream().mapToLong(c -> c.efficiency().rounds()).sum(),
          completions.stream().mapToLong(c -> c.efficiency().drafted()).sum(),
          completions.stream().mapToLong(c -> c.efficiency().accepted()).sum());
    }

    /** Memory-bound speed-up over plain decoding. */
    public double speedUp() {
      return drafter == null ? 1 : SpeedUp.memoryBound(efficiency().tau(), cost, LENGTH);
    }

    /** Whether another method wrote the same. */
    public boolean wroteTheSame(Result other) {
      for (int i = 0; i < completions.size(); i++) {
        if (!Arrays.equals(completions.get(i).tokens(), other.completions.get(i).tokens())) {
          return false;
        }
      }
      return true;
    }
  }

  /**
   * Completes all texts with all methods, text by text.
   *
   * @param progress is told what comes next
   * @param text sees the tokens of the first text, as the first method writes them
   */
  public List<Result> run(Consumer<String> progress, IntConsumer text) {
    List<Result> results = methods();
    int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
    try (Completer completer =
        new Completer(models, on, longest + Math.max(tokens, WARM_UP) + LENGTH + 1, promptPolicy)) {
      for (Result result : results) {
        progress.accept("warming up, " + result.title);
        complete(completer, result, prompts.getFirst(), WARM_UP, _ -> {});
      }
      for (int i = 0; i < prompts.size(); i++) {
        for (int method = 0; method < results.size(); method++) {
          Result result = results.get(method);
          progress.accept("text " + (i + 1) + ", " + result.title);
          boolean shown = i == 0 && method == 0;
          IntConsumer each = shown ? text : _ -> {};
          result.completions.add(complete(completer, result, prompts.get(i), tokens, each));
        }
      }
    }
    return results;
  }

  /** How often {@link #run} tells its progress. */
  public int steps() {
    return (prompts.size() + 1) * (1 + 2 * Drafter.values().length);
  }

  private List<Result> methods() {
    List<Result> results = new ArrayList<>();
    results.add(new Result("Plain decoding", null, 0, 0, 0, new ArrayList<>()));
    for (Drafter drafter : Drafter.values()) {
      int all = drafter.head(models).rows();
      results.add(method(drafter, drafter.title() + ", full head", all));
      String share = Math.round(100f * kept.size() / all) + " % of the head";
      results.add(method(drafter, drafter.title() + ", " + share, kept.size()));
    }
    return results;
  }

  private Result method(Drafter drafter, String title, int rows) {
    return new Result(
        Character.toUpperCase(title.charAt(0)) + title.substring(1),
        drafter,
        rows,
        drafter.headBytes(models, rows),
        drafter.cost(models, rows),
        new ArrayList<>());
  }

  private Completion complete(
      Completer completer, Result result, int[] prompt, int most, IntConsumer each) {
    return completer.complete(prompt, most, Warping.greedy(), speculation(result), 0, each);
  }

  private @Nullable Speculation speculation(Result result) {
    Drafter drafter = result.drafter;
    if (drafter == null) {
      return null;
    }
    Tensor ids = Tensor.wrap(kept.ids(), kept.size());
    DraftHead head =
        result.rows == kept.size()
            ? GatheredHead.of(on, drafter.head(models), () -> ids)
            : GatheredHead.full(on, drafter.head(models));
    return new Speculation(drafter, DraftHeads.always(head), LENGTH, null);
  }
}
