package io.github.trimtab.engine.demo;

import io.github.trimtab.engine.var.Attention;
import io.github.trimtab.engine.var.CachedAttention;
import io.github.trimtab.engine.var.CorrectedAttention;
import io.github.trimtab.engine.var.Drawing;
import io.github.trimtab.engine.var.Noise;
import io.github.trimtab.engine.var.Painter;
import io.github.trimtab.engine.var.Rollout;
import io.github.trimtab.engine.var.Sampler;
import io.github.trimtab.engine.var.VarBackend;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.scalekv.OutputCorrection;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * Draws the same pictures with several policies: same classes, same noise, another memory.
 *
 * @param backend where the model runs
 * @param labels the class of each picture
 * @param seed of the noise, which every policy shares
 */
public record Demo(VarBackend backend, List<Integer> labels, long seed) {

  /** Rows of a picture's batch: with the class, and without. */
  public static final int ROWS = Rollout.rows(true);

  /** The smallest page, since the smallest budget is a few of them. */
  private static final int PAGE_TOKENS = 16;

  private static final DType PAGE_DTYPE = DType.F16;

  /**
   * Draws all pictures with all policies, picture by picture.
   *
   * @param progress is told the policy and the picture's index before each drawing
   */
  public List<DemoResult> run(List<DemoPolicy> policies, BiConsumer<DemoPolicy, Integer> progress) {
    List<Run> runs = new ArrayList<>();
    try (Painter painter = new Painter(backend.model(), backend.guided())) {
      for (DemoPolicy policy : policies) {
        runs.add(new Run(policy));
      }
      // Unmeasured, so that no policy pays for the compilation of the kernels.
      runs.getFirst().draw(painter, 0);
      for (int picture = 0; picture < labels.size(); picture++) {
        for (Run run : runs) {
          progress.accept(run.policy, picture);
          run.measure(painter, picture);
        }
      }
      return runs.stream().map(Run::result).toList();
    } finally {
      runs.forEach(Run::close);
    }
  }

  /** One policy's cache, over a pool as large as its forecast and no larger. */
  private final class Run implements AutoCloseable {
    private final DemoPolicy policy;
    private final PageForecast forecast;
    private final PagePool pool;
    private final KvCache cache;
    private final List<Drawing> drawings = new ArrayList<>();
    private double seconds;

    Run(DemoPolicy policy) {
      VarConfig.Transformer shape = config().transformer();
      int heads = policy.headPages() ? 1 : shape.heads();
      PageLayout layout = new PageLayout(PAGE_DTYPE, PAGE_TOKENS, heads, shape.headDim());
      this.policy = policy;
      forecast =
          PageForecast.of(
              policy.policy(),
              layout,
              shape.depth(),
              ROWS,
              shape.heads(),
              config().schedule().tokens());
      pool = backend.pool(layout, forecast.peakPages());
      cache =
          new KvCache(
              backend.kernels(), pool, shape.depth(), ROWS, shape.heads(), forecast.maxTokens());
    }

    Drawing draw(Painter painter, int picture) {
      Sampler sampler = new Sampler(config(), new Noise(seed, picture));
      Drawing drawing = painter.draw(labels.get(picture), sampler, attention());
      cache.clear();
      return drawing;
    }

    private Attention attention() {
      CachedAttention cached = new CachedAttention(cache, policy.policy());
      OutputCorrection correction = policy.correction();
      return correction == null ? cached : new CorrectedAttention(cached, correction);
    }

    void measure(Painter painter, int picture) {
      long start = System.nanoTime();
      drawings.add(draw(painter, picture));
      seconds += (System.nanoTime() - start) * 1e-9;
    }

    DemoResult result() {
      return new DemoResult(
          policy, pool.peakBytes(), forecast.peakBytes(), newTokenBytes(), drawings, seconds);
    }

    @Override
    public void close() {
      cache.close();
      pool.close();
    }
  }

  private VarConfig config() {
    return backend.model().config();
  }

  private long newTokenBytes() {
    long largest = 0;
    for (int tokens : config().schedule().tokens()) {
      largest = Math.max(largest, tokens);
    }
    return 2L * ROWS * largest * config().transformer().width() * Float.BYTES;
  }
}
