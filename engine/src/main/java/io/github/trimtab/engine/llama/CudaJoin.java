package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;

/** How an {@link EagleModel} joins embeddings and features, on a device. */
final class CudaJoin {

  private final Gpu gpu;
  private final int width;
  private final float epsilon;
  private final long embedNorm;
  private final long hiddenNorm;
  private final DeviceMatrix join;

  CudaJoin(EagleModel model, Gpu gpu, DeviceArena memory) {
    this.gpu = gpu;
    width = model.blocks().config().width();
    epsilon = model.blocks().config().epsilon();
    embedNorm = memory.copy(model.embedNorm);
    hiddenNorm = memory.copy(model.hiddenNorm);
    join = DeviceMatrix.copy(model.join, memory);
  }

  /**
   * Joins embeddings and features into the residual streams.
   *
   * @param residual holds the embeddings [count, d]
   * @param features [count, d]
   * @param pairs scratch [count, 2 d]
   */
  void run(int count, long residual, long features, long pairs) {
    long second = pairs + (long) width * Float.BYTES;
    gpu.llamaKernels().rmsNorm(residual, embedNorm, count, width, epsilon, 2 * width, pairs);
    gpu.llamaKernels().rmsNorm(features, hiddenNorm, count, width, epsilon, 2 * width, second);
    join.multiply(gpu, count, pairs, residual, false);
  }
}
