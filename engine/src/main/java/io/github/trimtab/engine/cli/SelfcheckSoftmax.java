package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;

/** Fixed sums of softmax weights, over more than one chunk of keys and one tile of queries. */
final class SelfcheckSoftmax {
  private static final int ROWS = 2;
  private static final int QUERY_HEADS = 4;
  private static final int HEADS = 2;
  private static final int QUERIES = 35;
  private static final int HISTORY = 277;
  private static final List<DType> PAGES =
      List.of(DType.F32, DType.F16, DType.BF16, DType.FP8_E4M3, DType.INT8);
  private static final List<Integer> HEAD_DIMS = List.of(8, 64, 72, 128, 256);

  private final Kernels kernels;
  private final Selfcheck inputs;
  private final MessageDigest digest = Selfcheck.sha256();

  SelfcheckSoftmax(Kernels kernels) {
    this.kernels = kernels;
    this.inputs = new Selfcheck(kernels);
  }

  String columnSums() {
    return run(true);
  }

  String selectivity() {
    return run(false);
  }

  private String run(boolean columnSums) {
    for (int i = 0; i < PAGES.size(); i++) {
      DType given = PAGES.get(i).isFloat() ? PAGES.get(i) : DType.BF16;
      int headDim = HEAD_DIMS.get(i);
      var layout = new PageLayout(PAGES.get(i), 32, HEADS, headDim);
      Tensor q = inputs.floats(given, ROWS, QUERY_HEADS, QUERIES, headDim);
      Tensor valid = Tensor.wrap(new int[] {QUERIES, QUERIES - 6}, ROWS);
      try (Pages pages = new Pages(layout, ROWS, HISTORY)) {
        PagedKv history = pages.list(HISTORY);
        Tensor lengths = Tensor.wrap(new int[] {HISTORY, HISTORY - 51}, ROWS);
        kernels.append(new Append(tokens(given, headDim, HISTORY, lengths), history));
        NewTokens fresh = tokens(given, headDim, QUERIES, valid);
        if (columnSums) {
          columnSums(q, valid, history, fresh);
        } else {
          selectivity(q, valid, history, fresh);
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private void columnSums(Tensor q, Tensor valid, PagedKv history, NewTokens fresh) {
    for (Mask mask : List.of(Mask.NONE, Mask.CAUSAL)) {
      Tensor sums = Tensors.zeros(DType.F32, ROWS, HEADS, HISTORY + QUERIES);
      kernels.columnSums(new ColumnSums(q, valid, history, fresh, mask, 0.5f, sums));
      Selfcheck.update(digest, sums);
    }
  }

  private void selectivity(Tensor q, Tensor valid, PagedKv history, NewTokens fresh) {
    for (int top : List.of(1, 19, 5000)) {
      Tensor index = Tensors.zeros(DType.F32, 3);
      kernels.selectivity(new Selectivity(q, valid, history, fresh, top, 0.5f, index));
      Selfcheck.update(digest, index);
    }
  }

  private NewTokens tokens(DType dtype, int headDim, int count, Tensor lengths) {
    Tensor k = inputs.floats(dtype, ROWS, HEADS, count, headDim);
    return new NewTokens(k, k, lengths);
  }
}
