package io.github.trimtab.engine.var;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import java.io.IOException;

/**
 * A model on a CUDA device, with its weights there in F32. All but the decoder's convolutions runs
 * on the device's stream. One thread at a time.
 */
public final class CudaVar implements VarBackend {

  private final VarModel model;
  private final Gpu gpu;
  private final DeviceArena weights;
  private final CudaTransformer transformer;
  private final CudaTokenizer tokenizer;

  /**
   * Copies a model's weights to the device.
   *
   * @throws io.github.trimtab.cuda.DeviceMemoryException if there is too little memory
   */
  public CudaVar(VarModel model, Gpu gpu) throws IOException {
    this.model = model;
    this.gpu = gpu;
    weights = new DeviceArena(gpu.stream());
    try {
      transformer = new CudaTransformer(model.config(), model.transformerWeights(), gpu, weights);
      tokenizer = new CudaTokenizer(model.config(), model.tokenizerWeights(), gpu, weights);
    } catch (IOException | RuntimeException | Error e) {
      weights.close();
      throw e;
    }
  }

  @Override
  public VarModel model() {
    return model;
  }

  @Override
  public Kernels kernels() {
    return gpu.stream().kernels();
  }

  @Override
  public PagePool pool(PageLayout layout, int pages) {
    return gpu.stream().device().pool(layout, pages);
  }

  @Override
  public Rollout guided() {
    return new CudaRollout(model.config(), transformer, tokenizer, gpu);
  }

  /** Frees the weights; the GPU stays open. */
  @Override
  public void close() {
    weights.close();
  }
}
