package io.github.trimtab.engine.llama;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LlamaModelTest {

  private static final LlamaBackend HOST = LlamaBackend.host(Backends.bestOnHost().hostKernels());
  private static final int V = TinyLlama.TARGET.vocabulary();

  @TempDir Path folder;

  private Map<String, double[][]> write(DType format, boolean tied, boolean scaled)
      throws IOException {
    String scaling = scaled ? TinyLlama.ROPE_SCALING : "null";
    return TinyLlama.write(folder, TinyLlama.TARGET, format, tied, scaling, 5);
  }

  static int[] text(int tokens, long seed) {
    return new SplittableRandom(seed).ints(tokens, 3, V).toArray();
  }

  static int[] chain(int tokens) {
    int[] parents = new int[tokens];
    Arrays.setAll(parents, i -> i - 1);
    return parents;
  }

  static void assertLogits(double[] expected, float[] logits, int row, String what) {
    double range =
        Arrays.stream(expected).max().orElseThrow() - Arrays.stream(expected).min().orElseThrow();
    for (int id = 0; id < expected.length; id++) {
      assertEquals(expected[id], logits[row * expected.length + id], 1e-5 * range, what);
    }
  }

  private static float[] step(LlamaTarget target, int[] tokens, int[] parents) {
    float[] logits = new float[tokens.length * V];
    target.step(tokens, parents, tokens.length, Tensor.wrap(logits, tokens.length, V));
    return logits;
  }

  private LlamaTarget target() throws IOException {
    return new LlamaTarget(LlamaModel.load(folder), HOST, 160, DType.F32);
  }

  @ParameterizedTest
  @CsvSource({"F32,true,false", "F16,false,false", "BF16,false,true", "INT8,true,true"})
  void logitsAgreeWithThePlainFormulas(DType format, boolean tied, boolean scaled)
      throws IOException {
    PlainLlama plain = new PlainLlama(write(format, tied, scaled), TinyLlama.TARGET, scaled);
    String head = tied ? "model.embed_tokens.weight" : "lm_head.weight";
    int[] tokens = text(70, 1);
    double[][] features = plain.features(tokens, chain(tokens.length));
    try (LlamaTarget target = target()) {
      float[][] logits = target.logits(tokens);
      for (int i = 0; i < tokens.length; i++) {
        assertLogits(plain.logits(features[i], head), logits[i], 0, "prompt, token " + i);
      }
      target.prompt(Arrays.copyOf(tokens, 60));
      for (int i = 60; i < tokens.length; i++) {
        float[] one = step(target, new int[] {tokens[i]}, chain(1));
        assertLogits(plain.logits(features[i], head), one, 0, "token " + i);
        target.keep(new int[] {0}, 1);
      }
    }
  }

  @Test
  void treesBranchAndKeepOnePath() throws IOException {
    PlainLlama plain = new PlainLlama(write(DType.INT8, true, false), TinyLlama.TARGET, false);
    int[] prompt = text(20, 2);
    int[] drafted = text(7, 3);
    int[] parents = {-1, 0, 0, 1, 2, 2, 5};
    int[] path = {0, 2, 5};
    try (LlamaTarget target = target()) {
      target.prompt(prompt);
      int[] all = Arrays.copyOf(prompt, 27);
      System.arraycopy(drafted, 0, all, 20, 7);
      int[] allParents = chain(27);
      for (int i = 1; i < 7; i++) {
        allParents[20 + i] = 20 + parents[i];
      }
      double[][] features = plain.features(all, allParents);
      float[] logits = step(target, drafted, parents);
      for (int i = 0; i < 7; i++) {
        assertLogits(
            plain.logits(features[20 + i], "model.embed_tokens.weight"), logits, i, "node " + i);
      }
      target.keep(path, 3);
      assertEquals(23, target.position());
      int[] kept = Arrays.copyOf(prompt, 24);
      for (int i = 0; i < 3; i++) {
        kept[20 + i] = drafted[path[i]];
      }
      kept[23] = 9;
      double[] expected = plain.features(kept, chain(24))[23];
      float[] after = step(target, new int[] {9}, chain(1));
      assertLogits(plain.logits(expected, "model.embed_tokens.weight"), after, 0, "after the path");
    }
  }

  @Test
  void aChainOfTokensHasTheBitsOfTokensOneByOne() throws IOException {
    write(DType.INT8, true, false);
    int[] prompt = text(33, 4);
    int[] next = text(4, 5);
    try (LlamaTarget together = target();
        LlamaTarget apart = target()) {
      together.prompt(prompt);
      apart.prompt(prompt);
      float[] chain = step(together, next, chain(4));
      for (int i = 0; i < 4; i++) {
        float[] one = step(apart, new int[] {next[i]}, chain(1));
        apart.keep(new int[] {0}, 1);
        assertArrayEquals(Arrays.copyOfRange(chain, i * V, (i + 1) * V), one, 2e-5f);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void theLikeliestTokensAreThoseOfTheLogits(int watched) throws IOException {
    write(DType.BF16, true, false);
    int[] tokens = text(9, 17);
    int[] parents = {-1, 0, 0, 1, 1, 2, 5, 6, 6};
    int[] likeliest = new int[12];
    try (LlamaTarget target = target()) {
      target.prompt(text(20, 18));
      target.watch(watched);
      float[] logits = step(target, tokens, parents);
      target.clear();
      target.prompt(text(20, 18));
      target.stepGreedily(tokens, parents, 9, likeliest);
      for (int node = 0; node < 9; node++) {
        float[] row = Arrays.copyOfRange(logits, node * V, (node + 1) * V);
        int highest = IntStream.range(0, V).reduce(0, (a, b) -> row[b] > row[a] ? b : a);
        assertEquals(highest, likeliest[node], "node " + node);
      }
      target.keep(new int[] {0, 2}, 2);
      List<Integer> likely = new ArrayList<>();
      target.likely(likely::add);
      assertEquals(2 * watched, likely.size());
      if (watched > 0) {
        assertEquals(likeliest[0], likely.getFirst());
        assertEquals(likeliest[2], likely.get(watched));
      }
    }
  }

  @Test
  void rowsOfABatchAreTheirOwnTexts() throws IOException {
    write(DType.BF16, true, false);
    LlamaModel model = LlamaModel.load(folder);
    int[][] texts = {text(5, 6), text(1, 9), text(130, 11)};
    // Tokens of each row's step, and how many of them become text.
    int[][][] steps = {
      {text(4, 12), text(1, 13), {}}, {text(1, 14), {}, text(20, 15)}, {{}, {}, text(3, 16)}
    };
    int[][] kept = {{2, 1, 0}, {1, 0, 20}, {0, 0, 1}};
    try (LlamaBatch batch = new LlamaBatch(model, HOST, 3, 200, DType.F32);
        LlamaTarget alone = target()) {
      batch.prompt(texts);
      for (int step = 0; step < steps.length; step++) {
        float[][] results = new float[3][];
        for (int row = 0; row < 3; row++) {
          int[] tokens = steps[step][row];
          results[row] = new float[tokens.length * V];
          if (tokens.length > 0) {
            Tensor result = Tensor.wrap(results[row], tokens.length, V);
            batch.row(row).step(tokens, chain(tokens.length), tokens.length, result);
          }
        }
        batch.run();
        for (int row = 0; row < 3; row++) {
          int[] tokens = steps[step][row];
          int before = texts[row].length;
          int[] all = Arrays.copyOf(texts[row], before + tokens.length);
          System.arraycopy(tokens, 0, all, before, tokens.length);
          float[][] expected = alone.logits(all);
          for (int i = 0; i < tokens.length; i++) {
            float[] byItself = expected[before + i];
            double[] same = IntStream.range(0, V).mapToDouble(id -> byItself[id]).toArray();
            assertLogits(same, results[row], i, "row " + row + ", token " + i);
          }
          if (tokens.length > 0) {
            batch.row(row).keep(IntStream.range(0, kept[step][row]).toArray(), kept[step][row]);
          }
          texts[row] = Arrays.copyOf(all, before + kept[step][row]);
        }
      }
      assertThatThrownBy(() ->
              batch
                  .row(1)
                  .step(text(2, 1), new int[] {-1, -1}, 2, Tensor.wrap(new float[2 * V], 2, V)))
          .hasMessageContaining("parent of node 1: -1");
    }
  }

  @Test
  void aLongPromptMayBeCutAndTheTextGoesOnAtItsPlace() throws IOException {
    write(DType.BF16, true, false);
    LlamaModel model = LlamaModel.load(folder);
    int[] prompt = text(100, 15);
    try (LlamaTarget whole = target();
        LlamaTarget kept = target();
        LlamaTarget cut = new LlamaTarget(model, HOST, 40, DType.F32)) {
      whole.prompt(prompt);
      kept.prompt(prompt, PromptPolicy.snapKv(model.config(), 100, 8));
      cut.prompt(prompt, PromptPolicy.snapKv(model.config(), 32, 8));
      assertEquals(100, cut.position());
      float[] expected = step(whole, new int[] {7}, chain(1));
      assertArrayEquals(expected, step(kept, new int[] {7}, chain(1)), 2e-5f);
      float[] approximate = step(cut, new int[] {7}, chain(1));
      assertFalse(Arrays.equals(expected, approximate));
      cut.keep(new int[] {0}, 1);
      assertEquals(101, cut.position());
      assertThatThrownBy(() -> PromptPolicy.snapKv(model.config(), 8, 8))
          .hasMessageContaining("window: 8");
    }
  }

  @Test
  void aFullCacheIsNamedAndKeepsTheText() throws IOException {
    write(DType.F32, true, false);
    try (LlamaTarget target = target()) {
      target.prompt(text(160, 13));
      assertThatThrownBy(() -> target.prompt(text(1, 14)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("161")
          .hasMessageContaining("160 positions");
      assertEquals(160, target.position());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'\"hidden_act\": \"silu\"', '\"hidden_act\": \"gelu\"', hidden_act: gelu",
    "'\"num_key_value_heads\": 2', '\"num_key_value_heads\": 3', num_key_value_heads: 3",
    "'\"head_dim\": 8', '\"head_dim\": 12', head_dim: 12",
    "'\"rope_scaling\": null', '\"rope_scaling\": {\"type\": \"yarn\"}', rope_type: yarn",
    "'\"vocab_size\": 97', '\"vocab_size\": 98', model.embed_tokens.weight",
    "'\"num_hidden_layers\": 3', '\"num_hidden_layers\": 4', model.layers.3",
    "'\"tie_word_embeddings\": true', '\"tie_word_embeddings\": false', lm_head.weight",
    "'\"vocab_size\": 97,', '', vocab_size: null",
  })
  void aWrongConfigurationIsNamed(String from, String to, String message) throws IOException {
    write(DType.F32, true, false);
    Path file = folder.resolve("config.json");
    String config = Files.readString(file);
    Files.writeString(file, config.replace(from, to));
    assertThatThrownBy(() -> LlamaModel.load(folder))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}
