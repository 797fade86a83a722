package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;

/** Fixed heads and quantised rows in every format, off every lane and chunk grid. */
final class SelfcheckHead {
  private static final int VOCABULARY = 700;
  private static final int KEPT = 301;
  private static final int TOP = 7;
  private static final int GROUP = 32;
  private static final List<DType> FORMATS =
      List.of(DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8, DType.INT4);
  private static final List<Integer> COLUMNS = List.of(32, 96, 160, 320);

  private final Kernels kernels;
  private final Selfcheck inputs;
  private final MessageDigest digest = Selfcheck.sha256();

  SelfcheckHead(Kernels kernels) {
    this.kernels = kernels;
    this.inputs = new Selfcheck(kernels);
  }

  /** All results of heads of 1, 3 and 8 vectors. */
  String head() {
    for (DType format : FORMATS) {
      for (int columns : COLUMNS) {
        WeightRows rows = rows(format, columns);
        for (int vectors : List.of(1, 3, 8)) {
          head(rows, vectors);
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private void head(WeightRows rows, int vectors) {
    int[] ids = new int[KEPT];
    for (int i = 0; i < KEPT; i++) {
      ids[i] = (i * 97 + 13) % VOCABULARY;
    }
    Tensor logits = Tensors.zeros(DType.F32, vectors, KEPT);
    Tensor best = Tensors.zeros(DType.I32, vectors, TOP);
    Tensor values = Tensors.zeros(DType.F32, vectors, TOP);
    Tensor logSumExp = Tensors.zeros(DType.F32, vectors);
    kernels.head(
        new Head(
            inputs.floats(DType.F32, vectors, rows.columns()),
            HeadRows.gathered(rows, Tensor.wrap(ids, KEPT)),
            logits,
            best,
            values,
            logSumExp));
    Selfcheck.update(digest, logits);
    Selfcheck.update(digest, best);
    Selfcheck.update(digest, values);
    Selfcheck.update(digest, logSumExp);
  }

  /** What quantised rows read as. */
  String quantize() {
    for (DType format : FORMATS) {
      for (int columns : COLUMNS) {
        WeightRows rows = rows(format, columns);
        float[] row = new float[columns];
        for (int i = 0; i < rows.rows(); i++) {
          rows.read(i, row);
          Selfcheck.update(digest, Tensor.wrap(row, columns));
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private WeightRows rows(DType format, int columns) {
    Tensor weight = inputs.floats(format.isFloat() ? format : DType.F32, VOCABULARY, columns);
    if (format.isFloat()) {
      return WeightRows.of(weight);
    }
    WeightRows rows = Weights.empty(format, VOCABULARY, columns, GROUP);
    kernels.quantize(new Quantize(weight, rows));
    return rows;
  }
}
