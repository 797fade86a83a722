package io.github.trimtab.engine.var;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import java.util.List;

/** A {@link Tokenizer} on a device. Nothing here is waited for. */
final class CudaTokenizer {

  private final VarConfig config;
  private final Gpu gpu;
  private final long codebook;
  private final List<DeviceLinear> phis;

  CudaTokenizer(VarConfig config, TokenizerWeights weights, Gpu gpu, DeviceArena memory) {
    this.config = config;
    this.gpu = gpu;
    codebook = memory.copy(weights.codebook);
    phis = weights.phis.stream().map(phi -> DeviceLinear.copy(phi, memory)).toList();
  }

  /**
   * Adds the contribution of one scale's codes.
   *
   * @param codes address of the map's codes, I32
   * @param enlarged address of room for a map of the grid's size
   * @param sum address of the sum, [grid, grid, codeDim]
   */
  void add(int scale, long codes, long enlarged, long sum) {
    int grid = config.grid();
    int dim = config.tokenizer().codeDim();
    int side = config.schedule().height(scale);
    DeviceLinear phi = phis.get(scale);
    gpu.kernels().enlarge(codes, codebook, side, dim, grid, enlarged);
    gpu.kernels()
        .smooth(enlarged, phi.weight(), phi.bias(), grid, dim, config.tokenizer().phiRatio(), sum);
  }

  /** The sum at the size of a scale's map, [side, side, codeDim]. */
  void resize(long sum, int scale, long map) {
    int side = config.schedule().height(scale);
    gpu.kernels().shrink(sum, config.grid(), config.tokenizer().codeDim(), side, map);
  }
}
