package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.Attention;
import io.github.trimtab.engine.var.CachedAttention;
import io.github.trimtab.engine.var.CorrectedAttention;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;

/** The cache of one picture in a run, over a pool as large as its forecast and no larger. */
final class PolicyCache implements Attention, AutoCloseable {

  /** The smallest page, since the smallest budget is a few of them. */
  private static final int PAGE_TOKENS = 16;

  private final PagePool pool;
  private final KvCache cache;
  private final Attention attention;

  /**
   * An empty cache.
   *
   * @param rows of the batch, all of one picture
   */
  PolicyCache(VarConfig config, Kernels kernels, Run run, int rows) {
    VarConfig.Transformer shape = config.transformer();
    PageLayout layout =
        new PageLayout(
            run.pages(), PAGE_TOKENS, run.headPages() ? 1 : shape.heads(), shape.headDim());
    EvictionPolicy policy = run.maker().apply(rows);
    PageForecast forecast =
        PageForecast.of(
            policy, layout, shape.depth(), rows, shape.heads(), config.schedule().tokens());
    pool = new PagePool(layout, forecast.peakPages());
    cache = new KvCache(kernels, pool, shape.depth(), rows, shape.heads(), forecast.maxTokens());
    CachedAttention cached = new CachedAttention(cache, policy);
    attention =
        run.correction() == null ? cached : new CorrectedAttention(cached, run.correction());
  }

  @Override
  public void attend(int layer, int scale, Tensor q, Tensor k, Tensor v, Tensor out) {
    attention.attend(layer, scale, q, k, v, out);
  }

  /** A layer's keys and values as operations read them, until the layer changes. */
  PagedKv history(int layer) {
    return cache.view(layer);
  }

  /** Bytes of keys and values in pages at the peak. */
  long peakBytes() {
    return pool.peakBytes();
  }

  @Override
  public void close() {
    cache.close();
    pool.close();
  }
}
