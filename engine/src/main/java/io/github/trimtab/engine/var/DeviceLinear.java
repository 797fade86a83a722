package io.github.trimtab.engine.var;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;

/**
 * A linear layer on a device.
 *
 * @param weight address of W [out, in]
 * @param bias address of the bias [out], which whoever reads the product adds
 */
record DeviceLinear(long weight, long bias, int out, int in) {

  static DeviceLinear copy(Linear layer, DeviceArena memory) {
    return new DeviceLinear(
        memory.copy(layer.weight()), memory.copy(layer.bias()), layer.out(), layer.in());
  }

  /** y = x W^T, without the bias. */
  void multiply(Gpu gpu, int rows, long x, long y) {
    gpu.multiply(rows, x, weight, out, in, y, false);
  }
}
