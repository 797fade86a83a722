package io.github.trimtab.engine.completion;

import io.github.trimtab.engine.llama.EagleDrafter;
import io.github.trimtab.engine.llama.Features;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.llama.LlamaDrafter;
import io.github.trimtab.memory.DType;
import io.github.trimtab.speculative.DraftModel;
import java.util.Arrays;

/** Both drafters of one text, reused from text to text. */
final class Drafters implements AutoCloseable {
  private final LlamaDrafter draft;
  private final EagleDrafter eagle;

  Drafters(TextModels models, Features features, LlamaBackend on, int tokens) {
    draft = new LlamaDrafter(models.draft(), on, tokens, DType.F32);
    eagle = new EagleDrafter(models.eagle(), models.target(), features, on, tokens, DType.F32);
  }

  /** Takes up a prompt but for its last token, as the target has by now. */
  DraftModel begin(Speculation speculation, int[] prompt) {
    if (speculation.tail() != null) {
      speculation.tail().clearTail();
      speculation.tail().addAll(prompt, prompt.length);
    }
    int[] held = Arrays.copyOf(prompt, prompt.length - 1);
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

  @Override
  public void close() {
    eagle.close();
    draft.close();
  }
}
