package io.github.trimtab.engine.var;

import io.github.trimtab.engine.math.Convolution;
import io.github.trimtab.engine.math.Resample;
import java.util.List;

/**
 * The multi-scale residual codebook: turns maps of codes into what the decoder draws. Immutable.
 *
 * <p>Each scale's codes are enlarged to the grid, smoothed by one of a few shared convolutions, and
 * added to what the scales before it said.
 */
final class Tokenizer {

  private final VarConfig config;
  private final float[] codebook;
  private final List<Convolution> phis;

  Tokenizer(VarConfig config, TokenizerWeights weights) {
    this.config = config;
    codebook = weights.codebook;
    phis = weights.phis.stream().map(phi -> new Convolution(phi.weight(), phi.bias(), 3)).toList();
  }

  /** An empty sum of contributions, [grid, grid, codeDim]. */
  float[] blank() {
    return new float[config.grid() * config.grid() * config.tokenizer().codeDim()];
  }

  /** Adds the contribution of one scale's codes, in rows of the map from above, to {@code sum}. */
  void add(int scale, int[] codes, float[] sum) {
    int dim = config.tokenizer().codeDim();
    float[] map = new float[codes.length * dim];
    for (int i = 0; i < codes.length; i++) {
      System.arraycopy(codebook, codes[i] * dim, map, i * dim, dim);
    }
    int grid = config.grid();
    int side = config.schedule().height(scale);
    float[] enlarged = side == grid ? map : Resample.bicubic(map, side, dim, grid);
    float[] smooth = phis.get(scale).apply(enlarged, grid, grid);
    float ratio = config.tokenizer().phiRatio();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += (1 - ratio) * enlarged[i] + ratio * smooth[i];
    }
  }

  /** The sum at the size of a scale's map: that scale's input, [side, side, codeDim]. */
  float[] resize(float[] sum, int scale) {
    return Resample.area(
        sum, config.grid(), config.tokenizer().codeDim(), config.schedule().height(scale));
  }
}
