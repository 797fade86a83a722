package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Where models run: their arithmetic, the operations of their caches and heads, and the memory of
 * all. What targets and drafters do there is the same everywhere.
 */
public abstract sealed class LlamaBackend implements AutoCloseable permits HostLlama, CudaLlama {

  /** On the host. */
  public static LlamaBackend host(Kernels kernels) {
    return new HostLlama(kernels);
  }

  /** Operations over the host's memory, for whoever verifies drafts. */
  public abstract Kernels hostKernels();

  /** Operations over {@link #memory}. */
  abstract Kernels kernels();

  /** The memory that models run in. */
  abstract Memory memory();

  /** A pool of pages there. */
  abstract PagePool pool(PageLayout layout, int pages);

  /** What puts tokens into a cache of one row over {@link #memory}. */
  abstract Appends appends(KvCache cache);

  /** Streams of a model. */
  abstract Streams streams(LlamaModel model);

  /** Streams of a drafter that joins the target's embeddings with features. */
  abstract Streams streams(EagleModel model, LlamaModel target);

  /**
   * Runs a head; waits for its results.
   *
   * @param hidden vectors [n,d] of {@link #memory}
   * @param weight a matrix [V,d] of the host's memory
   * @param kept ids of its rows that take part [k], I32, on the host; null: all
   * @param logits result [n,k] on the host, or null; likewise all that follow
   * @param ids of the highest logits [n,t]
   * @param values the highest logits [n,t]
   * @param logSumExp of all [n]
   */
  abstract void head(
      Tensor hidden,
      WeightRows weight,
      @Nullable Tensor kept,
      @Nullable Tensor logits,
      @Nullable Tensor ids,
      @Nullable Tensor values,
      @Nullable Tensor logSumExp);

  @Override
  public abstract void close();
}
