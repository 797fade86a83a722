package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.RowMatrix;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Matrices of a checkpoint by name: F32, F16 or BF16, or INT8 with a BF16 scale a row. */
final class Weights {

  private Weights() {}

  /** Matrices of one width, one under the other, packed for products. */
  static RowMatrix stacked(Checkpoint checkpoint, int in, List<String> names, int... outs) {
    List<WeightRows> parts = new ArrayList<>();
    for (int i = 0; i < outs.length; i++) {
      parts.add(mapped(checkpoint, names.get(i), outs[i], in));
    }
    return new RowMatrix(parts);
  }

  /** A matrix packed for products. */
  static RowMatrix matrix(Checkpoint checkpoint, String name, int out, int in) {
    return stacked(checkpoint, in, List.of(name), out);
  }

  /** A matrix row by row in memory of its own, as an embedding or a head. */
  static WeightRows rows(Checkpoint checkpoint, String name, int rows, int width) {
    WeightRows mapped = mapped(checkpoint, name, rows, width);
    Tensor scales = mapped.scales();
    return new WeightRows(
        mapped.format(), copy(mapped.codes()), scales == null ? null : copy(scales));
  }

  private static Tensor copy(Tensor tensor) {
    MemorySegment own = Arena.ofAuto().allocate(tensor.segment().byteSize(), Buffer.ALIGNMENT);
    own.copyFrom(tensor.segment());
    return Tensor.of(tensor.dtype(), Buffer.wrap(own), tensor.shape());
  }

  /** A matrix where it lies in the file, until that closes. */
  static WeightRows mapped(Checkpoint checkpoint, String name, int rows, int width) {
    String weight = name + ".weight";
    Tensor codes =
        checkpoint.tensor(
            weight,
            dtype -> dtype.isFloat() || dtype == DType.INT8,
            "F32, F16, BF16 or I8",
            rows,
            width);
    if (codes.dtype().isFloat()) {
      return WeightRows.of(codes);
    }
    Tensor scales =
        checkpoint.tensor(
            weight + "_scale", dtype -> dtype == DType.BF16, "a BF16 scale a row", rows);
    Tensor column = Tensor.of(DType.BF16, scales.buffer(), rows, 1);
    return new WeightRows(DType.INT8, codes, column);
  }
}
