package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** Exact widening of whole weight rows: as they lie, or into a panel of {@link HeadTile}. */
final class WidenRows {
  private static final int UNIT = CanonicalMath.LANES;

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

  /**
   * Widens a row of whole units and groups of 32 elements into a panel: lanes l of unit u go to
   * {@code at + l / COUNT * slice + u * ROWS * COUNT}.
   *
   * @param scales the row's scales
   * @param slice distance of a unit's vectors
   */
  static void panel(WeightRows rows, int row, float[] scales, float[] to, int at, int slice) {
    Tensor codes = rows.codes();
    MemorySegment from = codes.segment();
    long offset = codes.offset(row, 0);
    int n = rows.columns();
    switch (rows.format()) {
      case F32 -> {
        for (int i = 0; i < n; i += Lanes.COUNT) {
          Widen.f32(from, offset + 4L * i).intoArray(to, place(at, i, slice));
        }
      }
      case F16 -> {
        for (int i = 0; i < n; i += Lanes.COUNT) {
          Widen.f16(from, offset + 2L * i).intoArray(to, place(at, i, slice));
        }
      }
      case BF16 -> {
        for (int i = 0; i < n; i += Lanes.COUNT) {
          Widen.bf16(from, offset + 2L * i).intoArray(to, place(at, i, slice));
        }
      }
      default -> {
        int group = rows.group();
        for (int start = 0; start < n; start += group) {
          float scale = scales[start / group];
          group(rows.format(), from, offset, start, start + group, scale, to, at, slice);
        }
      }
    }
  }

  private static void group(
      DType format,
      MemorySegment from,
      long offset,
      int start,
      int end,
      float scale,
      float[] to,
      int at,
      int slice) {
    switch (format) {
      case FP8_E4M3 -> {
        for (int i = start; i < end; i += Lanes.COUNT) {
          Widen.fp8(from, offset + i).mul(scale).intoArray(to, place(at, i, slice));
        }
      }
      case INT8 -> {
        for (int i = start; i < end; i += Lanes.COUNT) {
          Widen.int8(from, offset + i).mul(scale).intoArray(to, place(at, i, slice));
        }
      }
      default -> {
        for (int i = start; i < end; i += Lanes.COUNT) {
          Widen.int4(from, offset + i / 2).mul(scale).intoArray(to, place(at, i, slice));
        }
      }
    }
  }

  private static int place(int at, int i, int slice) {
    return at + i % UNIT / Lanes.COUNT * slice + i / UNIT * HeadTile.ROWS * Lanes.COUNT;
  }
}
