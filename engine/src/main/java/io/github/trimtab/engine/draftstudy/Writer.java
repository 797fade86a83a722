package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.BatchCompleter;
import io.github.trimtab.engine.completion.Completer;
import io.github.trimtab.engine.completion.Completion;
import io.github.trimtab.engine.completion.Speculation;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.speculative.Warping;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Writes texts, one after the other or side by side; they are the same either way. */
interface Writer extends AutoCloseable {

  /**
   * A writer with memory of its own.
   *
   * @param on where the models run
   * @param batch texts side by side, 1 or more
   * @param tokens most of a text, its prompt and a round's drafts included
   */
  static Writer of(TextModels models, LlamaBackend on, int batch, int tokens) {
    return batch == 1
        ? new OneByOne(new Completer(models, on, tokens))
        : new SideBySide(new BatchCompleter(models, on, batch, tokens));
  }

  /**
   * Completes up to a batch of texts.
   *
   * @param speculation of each text, or null: not at all
   * @param seed of each text's uniforms
   */
  List<Completion> complete(
      List<int[]> prompts,
      int most,
      Warping warping,
      IntFunction<? extends @Nullable Speculation> speculation,
      IntToLongFunction seed);

  @Override
  void close();

  /** With a target of one text. */
  record OneByOne(Completer completer) implements Writer {
    @Override
    public List<Completion> complete(
        List<int[]> prompts,
        int most,
        Warping warping,
        IntFunction<? extends @Nullable Speculation> speculation,
        IntToLongFunction seed) {
      return IntStream.range(0, prompts.size())
          .mapToObj(text ->
              completer.complete(
                  prompts.get(text),
                  most,
                  warping,
                  speculation.apply(text),
                  seed.applyAsLong(text),
                  _ -> {}))
          .toList();
    }

    @Override
    public void close() {
      completer.close();
    }
  }

  /** With a target of several texts. */
  record SideBySide(BatchCompleter completer) implements Writer {
    @Override
    public List<Completion> complete(
        List<int[]> prompts,
        int most,
        Warping warping,
        IntFunction<? extends @Nullable Speculation> speculation,
        IntToLongFunction seed) {
      return completer.complete(prompts, most, warping, speculation, seed);
    }

    @Override
    public void close() {
      completer.close();
    }
  }
}
