package io.github.trimtab.benchmarks;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Bytes of keys and values that images of published shapes hold, as the pool of pages counts them
 * while a cache walks through an image; no kernel of a GPU takes part, so any machine gives the
 * same.
 *
 * <p>How many pages are in use does not depend on what a page holds: the cache has one head of a
 * few elements, and its pages count with the bytes of the model's.
 */
public final class ImageMemory {
  private static final int PAGE_TOKENS = 64;
  private static final int HEAD_DIM = 8;
  private static final int ROWS = 2; // of one image, with guidance
  private static final double MEBI = 1 << 20;

  private ImageMemory() {}

  /** Bytes: between two scales, at the pool's peak, and with the step's new map of one layer. */
  record Held(long atRest, long peak, long withNewMap) {}

  /**
   * Counts all plans.
   *
   * @param args the file to write
   */
  public static void main(String[] args) throws IOException {
    List<Figure> figures = new ArrayList<>();
    for (ImagePlan plan : ImagePlan.all()) {
      // More images at once hold so many times as much.
      if (plan.rows() == ROWS) {
        figures.addAll(figures(plan, held(plan)));
      }
    }
    String date = LocalDate.now(ZoneOffset.UTC).toString();
    new Results(Machine.here("", ""), "", date, List.of(), figures).write(Path.of(args[0]));
  }

  static Held held(ImagePlan plan) {
    EvictionPolicy policy = plan.policy();
    int[] maps = plan.schedule().tokens();
    var small = new PageLayout(DType.BF16, PAGE_TOKENS, 1, HEAD_DIM);
    var real = new PageLayout(DType.BF16, PAGE_TOKENS, plan.heads(), plan.headDim());
    PageForecast forecast = PageForecast.of(policy, small, plan.layers(), plan.rows(), 1, maps);
    int atRest = 0;
    int peak = 0;
    long withNewMap = 0;
    try (var pool = new PagePool(small, forecast.peakPages());
        var cache =
            new KvCache(
                Backends.named("vector").kernels(),
                pool,
                plan.layers(),
                plan.rows(),
                1,
                forecast.maxTokens());
        var map = new RandomMap(plan.rows(), Arrays.stream(maps).max().orElseThrow())) {
      for (int step = 0; step < maps.length; step++) {
        pool.resetPeak();
        int[] steps = new int[plan.rows()];
        Arrays.fill(steps, step);
        for (int layer = 0; layer < plan.layers(); layer++) {
          policy.store(cache, layer, steps, map.queries(maps[step]), map.tokens(maps[step]));
        }
        atRest = Math.max(atRest, pool.used());
        peak = Math.max(peak, pool.peak());
        withNewMap =
            Math.max(withNewMap, pool.peak() * real.pageBytes() + contiguous(plan, 1, maps[step]));
      }
    }
    if (peak != forecast.peakPages()) {
      throw new IllegalStateException(
          plan.name() + ": " + peak + " pages, forecast " + forecast.peakPages());
    }
    return new Held(atRest * real.pageBytes(), peak * real.pageBytes(), withNewMap);
  }

  /** Of BF16 without pages. */
  private static long contiguous(ImagePlan plan, int layers, int tokens) {
    return 2L * layers * plan.rows() * plan.heads() * plan.headDim() * tokens * Short.BYTES;
  }

  private static List<Figure> figures(ImagePlan plan, Held held) {
    List<Figure> figures = new ArrayList<>();
    int all = plan.schedule().totalTokens();
    int history = plan.schedule().history(plan.schedule().scales() - 1);
    for (int basis : new int[] {all, history}) {
      double full = contiguous(plan, plan.layers(), basis) / MEBI;
      String against = basis + " tokens";
      add(figures, plan, "at rest", held.atRest, full, against);
      add(figures, plan, "at the pool's peak", held.peak, full, against);
      add(figures, plan, "with the new map in flight", held.withNewMap, full, against);
    }
    return figures;
  }

  private static void add(
      List<Figure> figures, ImagePlan plan, String when, long bytes, double full, String against) {
    double value = bytes / MEBI;
    figures.add(
        new Figure(
            Figure.Group.BYTES,
            plan.name(),
            when + ", against " + against,
            0,
            "MiB",
            exactly(value),
            new Figure.Peer(against, exactly(full), exactly(full / value))));
  }

  private static Spread exactly(double value) {
    return new Spread(value, value, value);
  }

  /** Queries, keys and values of the largest map, of which smaller ones are a part. */
  private static final class RandomMap implements AutoCloseable {
    private final int rows;
    private final Buffer buffer;

    RandomMap(int rows, int tokens) {
      this.rows = rows;
      buffer = Buffer.allocate(DType.F32.bytes((long) rows * tokens * HEAD_DIM));
      var random = new Random(1);
      for (long i = 0; i < buffer.byteSize() / Float.BYTES; i++) {
        buffer.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat());
      }
    }

    Tensor queries(int tokens) {
      return Tensor.of(DType.F32, buffer, rows, 1, tokens, HEAD_DIM);
    }

    NewTokens tokens(int tokens) {
      return new NewTokens(queries(tokens), queries(tokens), null);
    }

    @Override
    public void close() {
      buffer.close();
    }
  }
}
