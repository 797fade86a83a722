package io.github.trimtab.engine.infinity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.checkpoint.Plain;
import io.github.trimtab.engine.checkpoint.RandomWeights;
import io.github.trimtab.engine.math.GridRotary;
import io.github.trimtab.engine.var.CachedAttention;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.scalekv.CapacityTable;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Infinity's names, with 8 chunks of 2 layers and 2 heads of 128 (the models: 4 or 5 layers, 16 or
 * 28 heads) and its first five maps.
 */
class InfinityAttentionTest {

  private static final int WIDTH = 256;
  private static final int DIM = 128;
  private static final int CHECKED = 5;
  private static final Schedule SCHEDULE = Schedule.INFINITY_1M.first(5);

  @TempDir Path folder;

  private static RandomWeights weights() {
    RandomWeights all = new RandomWeights(DType.BF16);
    for (int layer = 0; layer < 16; layer++) {
      String name = "block_chunks." + layer / 2 + ".module." + layer % 2 + ".sa.";
      all.add(name + "scale_mul_1H11", 3, 1, 2, 1, 1).add(name + "zero_k_bias", 1, WIDTH);
      all.add(name + "q_bias", 0.5, WIDTH).add(name + "v_bias", 0.5, WIDTH);
      all.add(name + "mat_qkv.weight", 0.1, 3 * WIDTH, WIDTH);
      all.linear(name + "proj", WIDTH, WIDTH);
    }
    return all;
  }

  private InfinityAttention load(RandomWeights weights) throws IOException {
    Path file = folder.resolve("infinity.safetensors");
    weights.write(file);
    try (Checkpoint checkpoint = new Checkpoint(file)) {
      return new InfinityAttention(checkpoint, SCHEDULE, 1);
    }
  }

  @Test
  void coordinatesAreThoseOfTheLastGrid() {
    assertArrayEquals(
        new int[] {0, 5, 11, 16, 21, 27, 32, 37, 43, 48, 53, 59},
        IntStream.range(0, 12).map(i -> GridRotary.coordinate(i, 12, 64)).toArray());
  }

  /** Layer 5 is the second of the third chunk. */
  @Test
  void agreesWithPlainDoubles() throws IOException {
    RandomWeights weights = weights();
    List<double[]> keys = new ArrayList<>();
    List<double[]> values = new ArrayList<>();
    try (InfinityAttention model = load(weights);
        Run run = new Run(model, EvictionPolicy.full())) {
      assertEquals(new InfinityShape(16, WIDTH, 2), model.shape());
      for (int scale = 0; scale < SCHEDULE.scales(); scale++) {
        double[][] x = run.draw(scale);
        double[][] expected = plain(weights, scale, x, keys, values);
        run.forward(CHECKED, scale);
        double worst = 0;
        for (int i = 0; i < x.length * WIDTH; i++) {
          double off = expected[i / WIDTH][i % WIDTH] - run.result(i);
          worst = Math.max(worst, Math.abs(off));
        }
        assertTrue(worst < 1e-4, "scale " + scale + ": off by " + worst);
      }
    }
  }

  private static double[][] plain(
      RandomWeights weights, int scale, double[][] x, List<double[]> keys, List<double[]> values) {
    String name = "block_chunks.2.module.1.sa.";
    double[] scales = weights.doubles(name + "scale_mul_1H11");
    double[] bias = Arrays.copyOf(weights.doubles(name + "q_bias"), 3 * WIDTH);
    System.arraycopy(weights.doubles(name + "v_bias"), 0, bias, 2 * WIDTH, WIDTH);
    double[] matrix = weights.doubles(name + "mat_qkv.weight");
    int side = SCHEDULE.height(scale);
    double[][] queries = new double[x.length][];
    double last = SCHEDULE.height(SCHEDULE.scales() - 1);
    for (int token = 0; token < x.length; token++) {
      int row = token / side;
      int column = token % side;
      double[] qkv = Plain.linear(matrix, bias, x[token]);
      for (int head = 0; head < 4; head++) {
        double length = head < 2 ? Math.min(100, Math.exp(scales[head])) : 1;
        Plain.normalize(qkv, head * DIM, DIM, length);
        turn(qkv, head * DIM, Math.rint(row * last / side));
        turn(qkv, head * DIM + DIM / 2, Math.rint(column * last / side));
      }
      queries[token] = Arrays.copyOf(qkv, WIDTH);
      keys.add(Arrays.copyOfRange(qkv, WIDTH, 2 * WIDTH));
      values.add(Arrays.copyOfRange(qkv, 2 * WIDTH, 3 * WIDTH));
    }
    double[][] result = new double[x.length][];
    for (int token = 0; token < x.length; token++) {
      double[] attended = new double[WIDTH];
      Plain.attend(queries[token], keys, values, 0, DIM, attended);
      Plain.attend(queries[token], keys, values, DIM, DIM, attended);
      result[token] =
          Plain.linear(
              weights.doubles(name + "proj.weight"), weights.doubles(name + "proj.bias"), attended);
    }
    return result;
  }

  /** Complex multiplication of 32 neighbouring pairs. */
  private static void turn(double[] x, int at, double coordinate) {
    for (int m = 0; m < 32; m++) {
      double angle = coordinate / Math.pow(10_000, m / 32.0);
      double a = x[at + 2 * m];
      double b = x[at + 2 * m + 1];
      x[at + 2 * m] = a * Math.cos(angle) - b * Math.sin(angle);
      x[at + 2 * m + 1] = a * Math.sin(angle) + b * Math.cos(angle);
    }
  }

  @Test
  void everyLayerKeepsItsScaleKvBudget() throws IOException {
    int budget = 30;
    EvictionPolicy policy =
        new ScaleKv(
            SCHEDULE,
            CapacityTable.uniform(SCHEDULE, 16, budget),
            ObservationWindow.GRID_4,
            Scoring.official(1));
    try (InfinityAttention model = load(weights());
        Run run = new Run(model, policy)) {
      for (int scale = 0; scale < SCHEDULE.scales(); scale++) {
        run.draw(scale);
        for (int layer = 0; layer < 16; layer++) {
          run.forward(layer, scale);
          int held = SCHEDULE.history(Math.min(scale + 1, SCHEDULE.scales() - 1));
          assertEquals(Math.min(held, budget), run.cache.tokens(layer, 0));
        }
      }
    }
  }

  @Test
  void whatIsMissingOrDoesNotFitIsNamed() {
    String layer = "block_chunks.3.module.1.sa.";
    refused(w -> w.remove(layer + "mat_qkv.weight"), "block_chunks.3.*: 1 layers, expected 2");
    refused(
        w -> {
          w.remove("block_chunks.7.module.0.sa.mat_qkv.weight");
          w.remove("block_chunks.7.module.1.sa.mat_qkv.weight");
        },
        "block_chunks.7.*: 0 layers, expected 2");
    refused(
        w -> w.add("block_chunks.8.module.0.sa.mat_qkv.weight", 1, 768, 256),
        "9 chunks, expected 8");
    refused(w -> w.remove(layer + "q_bias"), layer + "q_bias");
    refused(w -> w.add(layer + "v_bias", 1, DIM), layer + "v_bias");
    refused(w -> w.add(layer + "scale_mul_1H11", 1, 1, 3, 1, 1), layer + "scale_mul_1H11");
    String first = "block_chunks.0.module.0.sa.";
    refused(w -> w.remove(first + "scale_mul_1H11"), first + "scale_mul_1H11: missing");
    refused(w -> w.add(first + "mat_qkv.weight", 1, 384, 128), "width 128, expected 256");
  }

  private void refused(Consumer<RandomWeights> change, String named) {
    RandomWeights weights = weights();
    change.accept(weights);
    var e =
        assertThrows(
            IllegalArgumentException.class,
            () -> {
              try (InfinityAttention model = load(weights)) {
                model.shape();
              }
            });
    assertTrue(String.valueOf(e.getMessage()).contains(named), e.getMessage());
  }

  @Test
  void argumentsThatDoNotFitAreNamed() throws IOException {
    try (InfinityAttention model = load(weights());
        Run run = new Run(model, EvictionPolicy.full())) {
      var e = assertThrows(IllegalArgumentException.class, () -> run.forward(16, 0));
      assertEquals("layer: 16, expected 0..15", e.getMessage());
      e = assertThrows(IllegalArgumentException.class, () -> run.forward(0, 5));
      assertTrue(String.valueOf(e.getMessage()).contains("scale"), e.getMessage());
    }
  }

  /** A cache and the memory of one map. */
  private static final class Run implements AutoCloseable {
    private final SplittableRandom random = new SplittableRandom(5);
    private final InfinityAttention model;
    private final CachedAttention attention;
    private final PagePool pool;
    private final KvCache cache;
    private final Buffer x = Buffer.allocate(64L * WIDTH * Float.BYTES);
    private final Buffer result = Buffer.allocate(64L * WIDTH * Float.BYTES);

    Run(InfinityAttention model, EvictionPolicy policy) {
      this.model = model;
      pool = new PagePool(new PageLayout(DType.F32, 16, 2, DIM), 16 * 12);
      cache =
          new KvCache(Backends.bestOnHost().hostKernels(), pool, 16, 1, 2, SCHEDULE.totalTokens());
      attention = new CachedAttention(cache, policy);
    }

    /** Random input of a scale. */
    double[][] draw(int scale) {
      double[][] map = new double[SCHEDULE.tokens(scale)][WIDTH];
      for (int i = 0; i < map.length * WIDTH; i++) {
        float value = (float) random.nextGaussian();
        map[i / WIDTH][i % WIDTH] = value;
        x.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      }
      return map;
    }

    void forward(int layer, int scale) {
      model.forward(layer, scale, x.segment(), attention, result.segment());
    }

    float result(int i) {
      return result.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }

    @Override
    public void close() {
      cache.close();
      pool.close();
      x.close();
      result.close();
    }
  }
}
