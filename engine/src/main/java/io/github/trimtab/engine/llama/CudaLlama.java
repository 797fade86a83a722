package io.github.trimtab.engine.llama;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Models on a CUDA device: blocks and embeddings in F32, heads in the format of their checkpoint.
 * What a model needs there is copied when it is first used, and stays. Logits are warped on the
 * host, where drafts are therefore verified, with the bits of any backend. One thread at a time.
 */
public final class CudaLlama extends LlamaBackend {

  private final Gpu gpu;
  private final Kernels hostKernels;
  private final DeviceArena weights;
  private final CudaHead head;
  private final Map<BlockStack, CudaStack> stacks = new HashMap<>();
  private final Map<EagleModel, CudaJoin> joins = new HashMap<>();
  private final Map<WeightRows, Long> embeddings = new HashMap<>();
  private final Map<WeightRows, WeightRows> heads = new HashMap<>();

  /** Nothing yet. The GPU is the caller's, and outlives this. */
  public CudaLlama(Gpu gpu) {
    this.gpu = gpu;
    hostKernels = Backends.bestOnHost().hostKernels();
    weights = new DeviceArena(gpu.stream());
    head = new CudaHead(gpu);
  }

  @Override
  public Kernels hostKernels() {
    return hostKernels;
  }

  @Override
  Kernels kernels() {
    return gpu.stream().kernels();
  }

  @Override
  Memory memory() {
    return gpu.stream().memory();
  }

  @Override
  PagePool pool(PageLayout layout, int pages) {
    return gpu.stream().device().pool(layout, pages);
  }

  @Override
  Appends appends(KvCache cache) {
    return new CudaAppends(cache, gpu.stream());
  }

  @Override
  Streams streams(LlamaModel model) {
    return new CudaStreams(stack(model.blocks()), embedding(model), null, gpu);
  }

  @Override
  Streams streams(EagleModel model, LlamaModel target) {
    CudaJoin join = joins.computeIfAbsent(model, each -> new CudaJoin(each, gpu, weights));
    return new CudaStreams(stack(model.blocks()), embedding(target), join, gpu);
  }

  private CudaStack stack(BlockStack blocks) {
    return stacks.computeIfAbsent(blocks, each -> new CudaStack(each, gpu, weights));
  }

  private long embedding(LlamaModel model) {
    return embeddings.computeIfAbsent(
        model.embedding(),
        rows -> {
          int width = rows.columns();
          float[] values = new float[Math.multiplyExact(rows.rows(), width)];
          float[] row = new float[width];
          for (int i = 0; i < rows.rows(); i++) {
            rows.read(i, row);
            System.arraycopy(row, 0, values, i * width, width);
          }
          return weights.copy(values);
        });
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
    WeightRows rows = heads.computeIfAbsent(weight, each -> CudaHead.copy(each, memory(), weights));
    head.run(hidden, rows, kept, logits, ids, values, logSumExp);
  }

  /** Frees the weights; the GPU stays open. */
  @Override
  public void close() {
    head.close();
    weights.close();
  }
}
