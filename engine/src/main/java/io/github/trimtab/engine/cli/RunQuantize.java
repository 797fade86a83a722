package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import picocli.CommandLine.Command;

/** {@code run quantize}. */
@Command(
    name = "quantize",
    description = {
      "Round weight rows to a format.",
      "",
      "In: weight [V,d].",
      "Out: weight [V,d], F32, as the rows read; bytes [1]: of codes and scales.",
      "",
      "Settings: rows=f32|f16|bf16|fp8|int8|int4 (as given), group (128; elements of a row that"
          + " share a scale, int8 and int4)."
    })
final class RunQuantize extends RunOperation {
  @Override
  Set<String> keys() {
    return new TreeSet<>(Set.of("rows", "group", "precision"));
  }

  @Override
  Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings) {
    Tensor weight = inputs.floats("weight", "V", "d");
    WeightRows rows = Weights.rows(kernels, weight, settings);
    Tensor wide = Tensors.zeros(DType.F32, rows.rows(), rows.columns());
    float[] row = new float[rows.columns()];
    for (int i = 0; i < rows.rows(); i++) {
      rows.read(i, row);
      MemorySegment.copy(
          row, 0, wide.segment(), ValueLayout.JAVA_FLOAT_UNALIGNED, wide.offset(i, 0), row.length);
    }
    Tensor bytes = Tensors.zeros(DType.I64, 1);
    bytes.setIntegerAt(0, rows.bytes());
    return Map.of("weight", wide, "bytes", bytes);
  }
}
