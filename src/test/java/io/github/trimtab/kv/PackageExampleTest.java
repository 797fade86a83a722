package io.github.trimtab.kv;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kernel.Scoring.Mode;
import io.github.trimtab.kernel.Scoring.Pooling;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The package documentation's language model, run on noise. */
final class PackageExampleTest {
  private static final int HEADS = 2;

  /** Two query heads a key/value head. */
  private static final class Model {
    private int steps;
    private int first;

    NewTokens keysAndValues(int layer, int tokens) {
      if (layer == 0) {
        steps++;
        first += tokens;
      }
      return Fixture.tokens(1, HEADS, first - tokens, tokens);
    }

    Tensor queries(int layer, int tokens) {
      return Fixture.queries(1, 2 * HEADS, tokens, layer);
    }

    Tensor output(int tokens) {
      return Tensor.wrap(
          new float[2 * HEADS * tokens * Fixture.DIM], 1, 2 * HEADS, tokens, Fixture.DIM);
    }

    boolean goesOn() {
      return steps < 4;
    }
  }

  @Test
  void aPromptForgetsAndTheTextIsAppended() {
    Model model = new Model();
    int layers = 2;
    int tokens = 1100;
    float scale = 0.35f;
    try (PagePool pool = new PagePool(new PageLayout(DType.F32, 64, HEADS, Fixture.DIM), 64);
        KvCache cache =
            new KvCache(Backends.bestOnHost().hostKernels(), pool, layers, 1, HEADS, 1100)) {
      // documentation: begin
      var scoring = new Scoring(Mode.SOFTMAX, scale, Mask.CAUSAL, Pooling.AVG, 5);
      int[] last = IntStream.range(tokens - 32, tokens).toArray();
      var snap = new Retention.Scored(last, last, scoring, 1024);
      for (int layer = 0; layer < layers; layer++) {
        NewTokens prompt = model.keysAndValues(layer, tokens);
        Tensor q = model.queries(layer, tokens);
        Tensor out = model.output(tokens);
        cache.attend(layer, q, null, prompt, Mask.CAUSAL, null, scale, out, null);
        cache.store(layer, q, prompt, snap);
      }
      while (model.goesOn()) {
        for (int layer = 0; layer < layers; layer++) {
          NewTokens token = model.keysAndValues(layer, 1);
          cache.attend(layer, model.queries(layer, 1), token, scale, model.output(1));
          cache.append(layer, token);
        }
      }
      // documentation: end
      for (int layer = 0; layer < layers; layer++) {
        List<Integer> held = Fixture.held(cache, layer, 0, 1);
        assertThat(held).hasSize(1024 + 3).contains(1068, 1099).endsWith(1100, 1101, 1102);
      }
    }
  }

  @Test
  void theDocumentationShowsTheseLines() throws IOException {
    List<String> source = stripped("test/java/io/github/trimtab/kv/PackageExampleTest.java");
    List<String> shown =
        source.subList(
            source.indexOf("// documentation: begin") + 1, source.indexOf("// documentation: end"));
    assertThat(shown).hasSizeGreaterThan(10);
    assertThat(
            Collections.indexOfSubList(
                stripped("main/java/io/github/trimtab/kv/package-info.java"), shown))
        .isNotNegative();
  }

  private static List<String> stripped(String file) throws IOException {
    return Files.readAllLines(Path.of(file)).stream()
        .map(line -> line.strip().replaceFirst("^\\* ", "").strip())
        .toList();
  }
}
