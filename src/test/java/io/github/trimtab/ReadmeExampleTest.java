package io.github.trimtab;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.ScoringMode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The README's lines that compress a cache, run on a model of noise. */
final class ReadmeExampleTest {
  private static final int LAYERS = 2;
  private static final int ROWS = 2;
  private static final int HEADS = 2;
  private static final int DIM = 8;

  /** Stands for a model: queries, keys and values of the map of a step. */
  private static final class Model {
    private final Random random = new Random(7);

    Tensor queries(int tokens) {
      float[] values = new float[ROWS * HEADS * tokens * DIM];
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextFloat() - 0.5f;
      }
      return Tensor.wrap(values, ROWS, HEADS, tokens, DIM);
    }

    NewTokens keysAndValues(int tokens) {
      return new NewTokens(queries(tokens), queries(tokens));
    }

    Tensor output(int tokens) {
      return Tensor.wrap(new float[ROWS * HEADS * tokens * DIM], ROWS, HEADS, tokens, DIM);
    }
  }

  @Test
  void aScheduleABudgetAndTwoCallsALayerCompressACache() {
    Model model = new Model();
    // README: begin
    var schedule = Schedule.VAR_512;
    var drafters = Map.of(8, Set.of(0), 9, Set.of(0), 10, Set.of(0)); // scale number: layers
    var budgets = new BudgetRule(schedule, LAYERS, 122, drafters, 9).released(); // 10 % of 1216
    var window = new ObservationWindow(3, 3);
    var policy = new ScaleKv(schedule, budgets, window, ScoringMode.PAPER.scoring(0.25f));
    var layout = new PageLayout(DType.BF16, 16, HEADS, DIM);
    var memory = PageForecast.of(policy, layout, LAYERS, ROWS, HEADS, schedule.tokens());
    Kernels kernels = Backends.bestOnHost().kernels();
    try (var pool = new PagePool(layout, memory.peakPages());
        var cache = new KvCache(kernels, pool, LAYERS, ROWS, HEADS, memory.maxTokens())) {
      for (int scale = 0; scale < schedule.scales(); scale++) {
        for (int layer = 0; layer < LAYERS; layer++) {
          Tensor q = model.queries(schedule.tokens(scale));
          NewTokens fresh = model.keysAndValues(schedule.tokens(scale));
          cache.attend(layer, q, fresh, 0.25f, model.output(schedule.tokens(scale)));
          policy.store(cache, layer, scale, q, fresh);
        }
      }
      // README: end
      assertThat(pool.peakBytes()).isEqualTo(memory.peakBytes());
      for (int layer = 0; layer < LAYERS; layer++) {
        assertThat(cache.tokens(layer, 1)).isEqualTo(budgets.capacity(10, layer));
      }
    }
  }

  @Test
  void theReadmeShowsTheseLines() throws IOException {
    Path readme = Path.of("..", "README.md");
    List<String> source =
        Files.readAllLines(Path.of("test/java/io/github/trimtab/ReadmeExampleTest.java")).stream()
            .map(String::strip)
            .toList();
    List<String> shown =
        source.subList(source.indexOf("// README: begin") + 1, source.indexOf("// README: end"));
    List<String> lines = Files.readAllLines(readme).stream().map(String::strip).toList();
    assertThat(shown).isNotEmpty();
    assertThat(Collections.indexOfSubList(lines, shown)).as("place in README.md").isNotNegative();
  }
}
