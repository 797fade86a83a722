package io.github.trimtab.internal.vector;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** Exact widening of whole weight rows. */
final class WidenRows {
  private WidenRows() {}

  /** A row's scales, one a group; nothing for formats without them. */
  static void scales(WeightRows rows, int row, float[] to) {
    Tensor scales = rows.scales();
    if (scales != null) {
      int groups = (int) scales.size(1);
      long at = scales.offset(row, 0);
      Widen.tokens(scales.dtype(), scales.segment(), at, 0, 0, 1, groups, to, 0, 0);
    }
  }

  /**
   * Widens a row into {@code to[at .. at + d)}.
   *
   * @param scales the row's scales
   */
  static void row(WeightRows rows, int row, float[] scales, float[] to, int at) {
    Tensor codes = rows.codes();
    MemorySegment segment = codes.segment();
    long offset = codes.offset(row, 0);
    int columns = rows.columns();
    if (rows.format().isFloat()) {
      Widen.tokens(rows.format(), segment, offset, 0, 0, 1, columns, to, at, 0);
      return;
    }
    int group = rows.group();
    for (int start = 0; start < columns; start += group) {
      float scale = scales[start / group];
      if (rows.format() == DType.INT4) {
        Widen.int4(segment, offset, start, group, scale, to, at + start);
      } else {
        Widen.codes(rows.format(), segment, offset + start, group, scale, to, at + start);
      }
    }
  }
}
