package io.github.trimtab.engine.llama;

import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.Retention;
import io.github.trimtab.scalekv.ScoringMode;
import java.util.Arrays;

/** What a cache keeps of a long prompt. */
public final class PromptPolicy {

  private PromptPolicy() {}

  /**
   * SnapKV (arXiv 2404.14469): of the prompt, the last tokens and those that they attend to most,
   * each key/value head its own; later tokens all stay.
   *
   * @param config whose attention is scored
   * @param capacity tokens of the prompt that a head keeps, the window's included
   * @param window last tokens, which judge; fewer than {@code capacity}
   */
  public static EvictionPolicy snapKv(LlamaConfig config, int capacity, int window) {
    LlamaConfig.require(
        window >= 1 && window < capacity,
        "SnapKV",
        "window",
        window,
        "1 to " + (capacity - 1) + ", fewer than the capacity");
    float scale = (float) (1 / Math.sqrt(config.headDim()));
    return (layer, step, newTokens) -> {
      if (step > 0) {
        return new Retention.All();
      }
      int[] last = new int[Math.min(window, newTokens)];
      Arrays.setAll(last, i -> newTokens - last.length + i);
      return new Retention.Scored(last, last, ScoringMode.PAPER.scoring(scale), capacity);
    };
  }
}
