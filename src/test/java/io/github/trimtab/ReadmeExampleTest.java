package io.github.trimtab;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.ScoringMode;
import io.github.trimtab.vocab.KeptFile;
import io.github.trimtab.vocab.KeptVocabulary;
import io.github.trimtab.vocab.Provenance;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's lines that compress a cache and trim a head, run on noise. */
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
    Kernels kernels = Backends.bestOnHost().hostKernels();
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
  void aCheckpointAndAListOfIdsMakeADraftHead(@TempDir Path folder) throws IOException {
    int vocabulary = 64;
    int width = 16;
    int offset = 24;
    byte[] noise = new byte[offset + 2 * vocabulary * width];
    new Random(7).nextBytes(noise);
    for (int i = offset + 1; i < noise.length; i += 2) {
      noise[i] &= 0x3f; // BF16 below 1 in magnitude, positive
    }
    Path model = Files.write(folder.resolve("model.bin"), noise);
    Path kept = folder.resolve("kept.json");
    KeptFile.write(kept, KeptVocabulary.of(new Provenance("", "", vocabulary), 3, 5, 8, 13, 21));
    Tensor hidden = new Model().queries(1);
    hidden = Tensor.of(DType.F32, hidden.buffer(), ROWS, width);
    MemorySegment checkpoint;
    try (FileChannel file = FileChannel.open(model)) {
      checkpoint = file.map(MapMode.READ_ONLY, 0, noise.length, Arena.ofAuto());
    }
    // README: begin
    var matrix = Tensor.at(offset, DType.BF16, Buffer.wrap(checkpoint), vocabulary, width);
    int[] keep = KeptFile.read(kept, new Provenance("", "", vocabulary)).kept().ids();
    var rows = HeadRows.gathered(WeightRows.of(matrix), Tensor.wrap(keep, keep.length));
    Tensor ids = Tensor.allocate(DType.I32, hidden.size(0), 3);
    Tensor logits = Tensor.allocate(DType.F32, hidden.size(0), 3);
    Tensor logSumExp = Tensor.allocate(DType.F32, hidden.size(0));
    Backends.bestOnHost().hostKernels().head(Head.top(hidden, rows, ids, logits, logSumExp));
    // README: end
    assertThat(keep).contains(ids.buffer().segment().toArray(ValueLayout.JAVA_INT));
    float[] highest = logits.buffer().segment().toArray(ValueLayout.JAVA_FLOAT);
    assertThat(highest[0]).isGreaterThanOrEqualTo(highest[1]);
    assertThat(logSumExp.floatAt(0)).isGreaterThan(highest[0]);
  }

  @Test
  void theReadmeShowsTheseLines() throws IOException {
    List<String> source = stripped(Path.of("test/java/io/github/trimtab/ReadmeExampleTest.java"));
    List<String> readme = stripped(Path.of("..", "README.md"));
    List<Integer> begins =
        IntStream.range(0, source.size())
            .filter(line -> source.get(line).equals("// README: begin"))
            .boxed()
            .toList();
    assertThat(begins).hasSize(2);
    for (int begin : begins) {
      List<String> rest = source.subList(begin + 1, source.size());
      List<String> shown = rest.subList(0, rest.indexOf("// README: end"));
      assertThat(shown).isNotEmpty();
      assertThat(Collections.indexOfSubList(readme, shown))
          .as("place in README.md of %s", shown)
          .isNotNegative();
    }
  }

  private static List<String> stripped(Path file) throws IOException {
    return Files.readAllLines(file).stream().map(String::strip).toList();
  }
}
