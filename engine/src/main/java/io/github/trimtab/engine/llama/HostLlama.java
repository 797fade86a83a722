package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/** Models on the host. */
final class HostLlama extends LlamaBackend {

  private final Kernels kernels;

  HostLlama(Kernels kernels) {
    this.kernels = kernels;
  }

  @Override
  public Kernels hostKernels() {
    return kernels;
  }

  @Override
  Kernels kernels() {
    return kernels;
  }

  @Override
  Memory memory() {
    return Memory.host();
  }

  @Override
  PagePool pool(PageLayout layout, int pages) {
    return new PagePool(layout, pages);
  }

  @Override
  Appends appends(KvCache cache) {
    return cache::append;
  }

  @Override
  Streams streams(LlamaModel model) {
    return new HostStreams(model.blocks(), model.embedding(), null);
  }

  @Override
  Streams streams(EagleModel model, LlamaModel target) {
    return new HostStreams(model.blocks(), target.embedding(), model);
  }

  @Override
  void head(
      Tensor hidden,
      WeightRows weight,
      @Nullable Tensor kept,
      @Nullable Tensor logits,
      @Nullable Tensor ids,
      @Nullable Tensor values,
      @Nullable Tensor logSumExp) {
    HeadRows rows = kept == null ? HeadRows.all(weight) : HeadRows.gathered(weight, kept);
    kernels.head(new Head(hidden, rows, logits, ids, values, logSumExp));
  }

  @Override
  public void close() {}
}
