package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;

/** Weight rows in the format that the settings {@code rows} and {@code group} name. */
final class Weights {
  private Weights() {}

  /** The matrix itself, or rounded. */
  static WeightRows rows(Kernels kernels, Tensor weight, Settings settings) {
    DType format = settings.rows(weight.dtype());
    int columns = (int) weight.size(1);
    int group = settings.group(format, columns);
    if (format == weight.dtype()) {
      return WeightRows.of(weight);
    }
    WeightRows rows = empty(format, (int) weight.size(0), columns, group);
    if (format.isQuantized()) {
      kernels.quantize(new Quantize(weight, rows));
    } else {
      Tensor codes = rows.codes();
      for (int i = 0; i < rows.rows(); i++) {
        for (int j = 0; j < columns; j++) {
          codes.setFloatAt(codes.offset(i, j), weight.floatAt(weight.offset(i, j)));
        }
      }
    }
    return rows;
  }

  /** Rows of zeros; the garbage collector frees them. */
  static WeightRows empty(DType format, int rows, int columns, int group) {
    return WeightRows.allocate(
        format,
        rows,
        columns,
        group,
        bytes -> Buffer.wrap(Arena.ofAuto().allocate(bytes, Buffer.ALIGNMENT)));
  }
}
