package io.github.trimtab.engine.completion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.llama.GatheredHead;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.llama.PromptPolicy;
import io.github.trimtab.engine.llama.TinyLlama;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftHead;
import io.github.trimtab.speculative.DraftHeads;
import io.github.trimtab.speculative.DynamicVocabulary;
import io.github.trimtab.speculative.Warping;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CompleterTest {

  private static final LlamaBackend HOST = LlamaBackend.host(Backends.bestOnHost().hostKernels());
  private static final int[] PROMPT = {5, 17, 44, 9, 80, 3, 61};
  private static final int TOKENS = 60;

  @TempDir static Path folder;
  private static TextModels models;

  @BeforeAll
  static void load() throws IOException {
    models = models(folder);
  }

  /** Random models that share a vocabulary. */
  public static TextModels models(Path folder) throws IOException {
    TinyLlama.write(folder.resolve("target"), TinyLlama.TARGET, DType.INT8, true, "null", 11);
    TinyLlama.write(folder.resolve("draft"), TinyLlama.DRAFT, DType.BF16, true, "null", 12);
    TinyLlama.writeEagle(folder.resolve("eagle"), TinyLlama.EAGLE, DType.INT8, 13);
    return TextModels.load(folder);
  }

  private static DraftHead trimmed(Drafter drafter) {
    int[] even = IntStream.range(0, 97).filter(id -> id % 2 == 0).toArray();
    Tensor ids = Tensor.wrap(even, even.length);
    return GatheredHead.of(HOST, drafter.head(models), () -> ids);
  }

  private static DraftHead full(Drafter drafter) {
    return GatheredHead.full(HOST, drafter.head(models));
  }

  @ParameterizedTest
  @EnumSource
  void greedyTextIsThePlainOneWhateverTheHead(Drafter drafter) {
    DynamicVocabulary tail = tail();
    List<Speculation> all =
        List.of(
            new Speculation(drafter, DraftHeads.always(full(drafter)), 3, null),
            new Speculation(drafter, DraftHeads.always(trimmed(drafter)), 4, null),
            tailed(drafter, tail));
    try (Completer completer = new Completer(models, HOST, 80)) {
      List<Integer> seen = new ArrayList<>();
      Completion plain = completer.complete(PROMPT, TOKENS, Warping.greedy(), null, 1, seen::add);
      assertEquals(1, plain.efficiency().tau());
      assertArrayEquals(plain.tokens(), seen.stream().mapToInt(Integer::intValue).toArray());
      for (Speculation speculation : all) {
        Completion drafted =
            completer.complete(PROMPT, TOKENS, Warping.greedy(), speculation, 1, _ -> {});
        assertArrayEquals(plain.tokens(), drafted.tokens());
        assertThat(drafted.efficiency().tau()).isBetween(1.0, 1.0 + speculation.length());
      }
      assertThat(tail.size()).isGreaterThan(10);
    }
  }

  @ParameterizedTest
  @EnumSource
  void drawnTextEndsAtTheEndTokenAndRepeatsWithItsSeed(Drafter drafter) {
    Warping warping = Warping.temperature(1);
    Speculation speculation =
        new Speculation(drafter, DraftHeads.always(trimmed(drafter)), 3, null);
    try (Completer completer = new Completer(models, HOST, 80)) {
      boolean ended = false;
      for (int seed = 0; seed < 20; seed++) {
        Completion one = completer.complete(PROMPT, TOKENS, warping, speculation, seed, _ -> {});
        Completion two = completer.complete(PROMPT, TOKENS, warping, speculation, seed, _ -> {});
        assertArrayEquals(one.tokens(), two.tokens());
        for (int i = 0; i < one.tokens().length; i++) {
          boolean last = i == one.tokens().length - 1;
          boolean end = models.target().config().ends().contains(one.tokens()[i]);
          assertThat(!end || last).isTrue();
          ended |= end;
        }
      }
      assertThat(ended).isTrue();
    }
  }

  @Test
  void aPromptOfOneTokenIsRefused() {
    try (Completer completer = new Completer(models, HOST, 80)) {
      assertThatThrownBy(
              () -> completer.complete(new int[] {5}, 1, Warping.greedy(), null, 1, _ -> {}))
          .hasMessageContaining("prompt: 1 tokens");
    }
  }

  private static DynamicVocabulary tail() {
    return new DynamicVocabulary(97, new int[] {1, 2}, 2, 20);
  }

  private static Speculation tailed(Drafter drafter, DynamicVocabulary tail) {
    DraftHead head = GatheredHead.of(HOST, drafter.head(models), tail::ids);
    return new Speculation(drafter, DraftHeads.always(head), 3, tail);
  }

  /** Texts of unlike lengths, which end at unlike rounds; a row stays empty. */
  @ParameterizedTest
  @EnumSource(Drafter.class)
  void textsOfABatchAreWhatTheyAreAlone(Drafter drafter) {
    List<int[]> prompts = List.of(PROMPT, new int[] {5, 8}, new int[] {70, 3, 3, 9, 41, 2});
    List<Supplier<@Nullable Speculation>> ways =
        List.of(() -> null, () -> speculation(drafter), () -> tailed(drafter, tail()));
    try (BatchCompleter batch = new BatchCompleter(models, HOST, 4, 80);
        Completer single = new Completer(models, HOST, 80)) {
      for (Warping warping : List.of(Warping.greedy(), Warping.temperature(1))) {
        for (Supplier<@Nullable Speculation> way : ways) {
          for (int again = 0; again < 2; again++) {
            List<Completion> together =
                batch.complete(prompts, TOKENS, warping, _ -> way.get(), row -> 40 - row);
            assertThat(together).hasSize(3);
            for (int row = 0; row < 3; row++) {
              Completion alone =
                  single.complete(prompts.get(row), TOKENS, warping, way.get(), 40 - row, _ -> {});
              assertArrayEquals(alone.tokens(), together.get(row).tokens());
              assertEquals(alone.efficiency(), together.get(row).efficiency());
            }
          }
        }
      }
    }
  }

  @Test
  void aBatchOfMoreTextsThanRowsIsRefused() {
    try (BatchCompleter batch = new BatchCompleter(models, HOST, 1, 80)) {
      assertThatThrownBy(() ->
              batch.complete(List.of(PROMPT, PROMPT), 1, Warping.greedy(), _ -> null, row -> row))
          .hasMessageContaining("prompts: 2, expected at most the 1 rows");
    }
  }

  private static Speculation speculation(Drafter drafter) {
    return new Speculation(drafter, DraftHeads.always(trimmed(drafter)), 3, null);
  }

  @ParameterizedTest
  @EnumSource(Drafter.class)
  void aForgottenPromptIsForgottenForPlainAndDraftedTextAlike(Drafter drafter) {
    int[] prompt = new SplittableRandom(3).ints(60, 3, 97).toArray();
    EvictionPolicy policy = PromptPolicy.snapKv(models.target().config(), 20, 8);
    try (Completer whole = new Completer(models, HOST, 130);
        Completer cut = new Completer(models, HOST, 130, policy)) {
      Completion all = whole.complete(prompt, TOKENS, Warping.greedy(), null, 1, _ -> {});
      Completion plain = cut.complete(prompt, TOKENS, Warping.greedy(), null, 1, _ -> {});
      Completion drafted =
          cut.complete(prompt, TOKENS, Warping.greedy(), speculation(drafter), 1, _ -> {});
      assertArrayEquals(plain.tokens(), drafted.tokens());
      assertThat(plain.tokens()).isNotEqualTo(all.tokens());
      assertThat(cut.peakCacheBytes()).isLessThan(whole.peakCacheBytes());
    }
  }
}
