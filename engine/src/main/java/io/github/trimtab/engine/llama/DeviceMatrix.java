package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.math.RowMatrix;

/**
 * A weight matrix on a device, in F32.
 *
 * @param weight address of W [out, in]
 */
record DeviceMatrix(long weight, int out, int in) {

  static DeviceMatrix copy(RowMatrix matrix, DeviceArena memory) {
    int in = matrix.in();
    float[] values = new float[Math.multiplyExact(matrix.out(), in)];
    float[] row = new float[in];
    for (int i = 0; i < matrix.out(); i++) {
      matrix.read(i, row);
      System.arraycopy(row, 0, values, i * in, in);
    }
    return new DeviceMatrix(memory.copy(values), matrix.out(), in);
  }

  /** y = x W^T, or added to y. */
  void multiply(Gpu gpu, int rows, long x, long y, boolean add) {
    gpu.multiply(rows, x, weight, out, in, y, add);
  }
}
