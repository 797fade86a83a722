package io.github.trimtab.engine.completion;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.cuda.Gpus;
import io.github.trimtab.engine.llama.CudaLlama;
import io.github.trimtab.engine.llama.GatheredHead;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.llama.PromptPolicy;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftHeads;
import io.github.trimtab.speculative.DynamicVocabulary;
import io.github.trimtab.speculative.Warping;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Texts written on a device are the host's, and so is what of them was drafted. A near tie would
 * show as texts that differ from one token on: none of these has one.
 */
@Tag("cuda")
final class CudaCompleterTest {

  private static final int TOKENS = 10;
  private static final List<int[]> PROMPTS =
      List.of(
          IntStream.range(0, 24).map(i -> 3 + 31 * i % 90).toArray(),
          new int[] {5, 8},
          new int[] {70, 3, 3, 9, 41, 2});

  @TempDir static Path folder;
  private static TextModels models;

  @BeforeAll
  static void load() throws IOException {
    models = CompleterTest.models(folder);
  }

  private static LlamaBackend host() {
    return LlamaBackend.host(Backends.bestOnHost().hostKernels());
  }

  /** No drafter, then each with the full head, with a trimmed one, and with one that follows. */
  private static List<@Nullable Speculation> ways(LlamaBackend on) {
    List<@Nullable Speculation> ways = new ArrayList<>();
    ways.add(null);
    for (Drafter drafter : Drafter.values()) {
      int[] even = IntStream.range(0, 97).filter(id -> id % 2 == 0).toArray();
      Tensor ids = Tensor.wrap(even, even.length);
      GatheredHead full = GatheredHead.full(on, drafter.head(models));
      GatheredHead trimmed = GatheredHead.of(on, drafter.head(models), () -> ids);
      DynamicVocabulary tail = new DynamicVocabulary(97, new int[] {1, 2}, 2, 20);
      GatheredHead tailed = GatheredHead.of(on, drafter.head(models), tail::ids);
      ways.add(new Speculation(drafter, DraftHeads.always(full), 3, null));
      ways.add(new Speculation(drafter, DraftHeads.always(trimmed), 4, null));
      ways.add(new Speculation(drafter, DraftHeads.always(tailed), 3, tail));
    }
    return ways;
  }

  /** What was written, and how much of it was drafted. */
  private static List<String> alone(
      LlamaBackend on, List<Warping> warpings, @Nullable EvictionPolicy policy) {
    List<String> texts = new ArrayList<>();
    try (Completer completer = new Completer(models, on, 80, policy)) {
      for (Warping warping : warpings) {
        for (@Nullable Speculation way : ways(on)) {
          texts.add(text(completer.complete(PROMPTS.getFirst(), TOKENS, warping, way, 1, _ -> {})));
        }
      }
    }
    return texts;
  }

  private static String text(Completion completion) {
    return List.of(IntStream.of(completion.tokens()).boxed().toList(), completion.efficiency())
        .toString();
  }

  @Test
  void textsAreTheHosts() {
    try (Gpu gpu = Gpus.open();
        LlamaBackend device = new CudaLlama(gpu)) {
      List<Warping> warpings = List.of(Warping.greedy(), Warping.temperature(1));
      assertThat(alone(device, warpings, null)).isEqualTo(alone(host(), warpings, null));
    }
  }

  @Test
  void textsBehindAForgottenPromptAreTheHosts() {
    EvictionPolicy policy = PromptPolicy.snapKv(models.target().config(), 12, 4);
    try (Gpu gpu = Gpus.open();
        LlamaBackend device = new CudaLlama(gpu)) {
      List<Warping> greedy = List.of(Warping.greedy());
      assertThat(alone(device, greedy, policy)).isEqualTo(alone(host(), greedy, policy));
    }
  }

  private static List<String> together(LlamaBackend on) {
    List<String> texts = new ArrayList<>();
    try (BatchCompleter batch = new BatchCompleter(models, on, 4, 80)) {
      for (int way = 0; way < 4; way++) {
        int chosen = way;
        batch
            .complete(
                PROMPTS, TOKENS, Warping.temperature(1), _ -> ways(on).get(chosen), row -> row)
            .forEach(completion -> texts.add(text(completion)));
      }
    }
    return texts;
  }

  @Test
  void textsOfABatchAreTheHosts() {
    try (Gpu gpu = Gpus.open();
        LlamaBackend device = new CudaLlama(gpu)) {
      assertThat(together(device)).isEqualTo(together(host()));
    }
  }
}
