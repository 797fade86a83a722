package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.HeadAccess;
import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.vector.Workspace.Aligned;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Logits over the rows of a head: a task takes one chunk of 256 places for all hidden vectors, and
 * leaves of it what {@link HeadResults} needs.
 */
final class VectorHead {
  /** Rows of a panel, which lies in the second-level cache; whole blocks of a tile. */
  private static final int PANEL = 48;

  private VectorHead() {}

  static void run(Head op, Workers workers, Workspace shared) {
    HeadChecks.check(op);
    int chunks = Math.ceilDiv(HeadAccess.count(op.rows()), CanonicalMath.CHUNK);
    widenHidden(op, shared);
    HeadResults.prepare(op, chunks, shared);
    workers.run(op, chunks, shared, VectorHead::chunk);
    HeadResults.finish(op, chunks, shared);
  }

  /** Whether a single vector meets rows that have a loop of their own. */
  private static boolean single(Head op) {
    WeightRows rows = op.rows().weight();
    return op.vectors() == 1 && StreamDots.takes(rows.format(), rows.columns());
  }

  /** Whether a single vector meets INT8 rows that have one. */
  private static boolean codes(Head op) {
    return op.vectors() == 1 && CodeDots.takes(op.rows().weight());
  }

  /** Whether several vectors meet rows of whole units of 32 elements, as tiles want them. */
  private static boolean tiled(Head op) {
    return op.vectors() > 1 && op.rows().weight().columns() % CanonicalMath.LANES == 0;
  }

  private static void widenHidden(Head op, Workspace shared) {
    Tensor hidden = op.hidden();
    int columns = op.rows().weight().columns();
    int padded = Dots.padded(columns);
    float[] queries = shared.zeroFloats(Floats.QUERIES, op.vectors() * padded);
    Widen.tokens(
        hidden.dtype(),
        hidden.segment(),
        hidden.offset(),
        hidden.stride(0) * (hidden.dtype().bits() / 8),
        0,
        op.vectors(),
        columns,
        queries,
        0,
        padded);
    if (tiled(op)) {
      int floats = HeadPanel.arranged(op.vectors(), columns);
      HeadPanel.arrange(
          queries, op.vectors(), columns, shared.alignedFloats(Aligned.QUERIES, floats));
    } else if (single(op) || codes(op)) {
      MemorySegment aligned = shared.alignedFloats(Aligned.QUERIES, columns);
      StreamDots.arrange(op.rows().weight().format(), queries, 0, columns, aligned, 0);
    }
  }

  private static void chunk(Head op, int chunk, Workspace shared, Workspace own) {
    int first = chunk * CanonicalMath.CHUNK;
    int count = Math.min(HeadAccess.count(op.rows()) - first, CanonicalMath.CHUNK);
    float[] logits = own.floats(Floats.LOGITS, op.vectors() * HeadResults.STRIDE);
    if (tiled(op)) {
      tiles(op, first, count, shared.alignedFloats(Aligned.QUERIES, 0), logits, own);
    } else if (single(op)) {
      single(op, first, count, shared.alignedFloats(Aligned.QUERIES, 0), logits, own);
    } else if (codes(op)) {
      codes(op, first, count, shared.alignedFloats(Aligned.QUERIES, 0), logits, own);
    } else if (op.vectors() == 1 && WideningDots.takes(op.rows().weight())) {
      widening(op, first, count, shared.floats(Floats.QUERIES, 0), logits, own);
    } else {
      widened(op, first, count, shared.floats(Floats.QUERIES, 0), logits, own);
    }
    HeadResults.chunk(op, chunk, count, logits, shared, own);
  }

  /** One vector, and rows that are read where they lie: as a stream as far as they follow. */
  private static void single(
      Head op, int first, int count, MemorySegment query, float[] logits, Workspace own) {
    WeightRows rows = op.rows().weight();
    DType format = rows.format();
    MemorySegment from = rows.codes().segment();
    int columns = rows.columns();
    long bytes = format.bytes(columns);
    for (int i = 0; i < count; i++) {
      own.rows[i] = rows.codes().offset(HeadAccess.row(op.rows(), first + i), 0);
    }
    Arrays.fill(own.rows, count, count + RowDots.BEHIND, own.rows[count - 1]);
    for (int t = 0; t < count; t += RowDots.MOST) {
      int n = Math.min(RowDots.MOST, count - t);
      if (follow(own.rows, t, n, bytes)) {
        long at = own.rows[t];
        StreamDots.rows(format, from, at, bytes, n, columns, query, 0, 1f, logits, t, own);
      } else {
        RowDots.rows(format, from, own.rows, t, n, columns, query, logits, t, own);
      }
    }
  }

  /** One vector, and INT8 rows that are widened as they are multiplied. */
  private static void codes(
      Head op, int first, int count, MemorySegment query, float[] logits, Workspace own) {
    int[] chosen = own.ints(Ints.CHOSEN, CanonicalMath.CHUNK);
    for (int i = 0; i < count; i++) {
      chosen[i] = HeadAccess.row(op.rows(), first + i);
    }
    float[] partial = own.floats(Floats.PARTIAL, RowDots.MOST * Lanes.COUNT);
    for (int t = 0; t < count; t += RowDots.MOST) {
      int n = Math.min(RowDots.MOST, count - t);
      own.touched = CodeDots.int8(op.rows().weight(), chosen, t, n, query, partial);
      Fold.plain(partial, n, 1f, logits, t);
    }
  }

  private static boolean follow(long[] rows, int first, int count, long bytes) {
    for (int i = first + 1; i < first + count; i++) {
      if (rows[i] != rows[i - 1] + bytes) {
        return false;
      }
    }
    return true;
  }

  /** Several vectors: a panel of rows is brought into cache and multiplied in tiles. */
  private static void tiles(
      Head op, int first, int count, MemorySegment vectors, float[] logits, Workspace own) {
    WeightRows rows = op.rows().weight();
    boolean asTheyLie = HeadPanel.takes(rows.format());
    DType format = asTheyLie ? rows.format() : DType.F32;
    int columns = rows.columns();
    MemorySegment from =
        asTheyLie ? rows.codes().segment() : own.alignedFloats(Aligned.PANEL, PANEL * columns);
    float[] partial = own.floats(Floats.PARTIAL, HeadPanel.room(PANEL));
    for (int t = 0; t < count; t += PANEL) {
      int n = Math.min(PANEL, count - t);
      if (asTheyLie) {
        touch(op, first + t, n, own);
      } else {
        widen(op, first + t, n, from, own);
      }
      for (int b = 0; b < HeadPanel.blocks(op.vectors()); b++) {
        HeadPanel.multiply(
            format,
            from,
            own.rows,
            n,
            vectors,
            op.vectors(),
            b,
            columns,
            partial,
            logits,
            b * HeadPanel.VECTORS * HeadResults.STRIDE + t,
            HeadResults.STRIDE);
      }
    }
  }

  /**
   * Brings a panel into cache, row after row: memory is as fast as it can be only while a loop does
   * nothing else.
   */
  private static void touch(Head op, int place, int count, Workspace own) {
    Tensor codes = op.rows().weight().codes();
    int bytes = (int) codes.dtype().bytes(codes.size(1));
    for (int i = 0; i < count; i++) {
      own.rows[i] = codes.offset(HeadAccess.row(op.rows(), place + i), 0);
      own.touch(codes.segment(), own.rows[i], bytes);
    }
  }

  private static void widen(Head op, int place, int count, MemorySegment panel, Workspace own) {
    WeightRows rows = op.rows().weight();
    int columns = rows.columns();
    float[] scales = scales(rows, own);
    float[] widened = own.floats(Floats.KEYS, columns);
    for (int i = 0; i < count; i++) {
      int row = HeadAccess.row(op.rows(), place + i);
      WidenRows.scales(rows, row, scales);
      WidenRows.row(rows, row, scales, widened, 0);
      own.rows[i] = (long) i * columns * Float.BYTES;
      MemorySegment.copy(widened, 0, panel, Workspace.FLOAT, own.rows[i], columns);
    }
  }

  private static float[] scales(WeightRows rows, Workspace own) {
    return own.floats(Floats.SCALES, rows.columns() / rows.group());
  }

  /** One vector, and rows that are widened as they are multiplied. */
  private static void widening(
      Head op, int first, int count, float[] query, float[] logits, Workspace own) {
    WeightRows rows = op.rows().weight();
    float[] scales = scales(rows, own);
    float[] partial = own.floats(Floats.PARTIAL, PANEL * Lanes.COUNT);
    for (int t = 0; t < count; t += PANEL) {
      int n = Math.min(PANEL, count - t);
      for (int i = 0; i < n; i++) {
        int row = HeadAccess.row(op.rows(), first + t + i);
        WidenRows.scales(rows, row, scales);
        WideningDots.row(rows, row, scales, query, partial, i * Lanes.COUNT);
      }
      Fold.plain(partial, n, 1f, logits, t);
    }
  }

  /** One vector without a loop of its own, or rows off the grid: widened and padded first. */
  private static void widened(
      Head op, int first, int count, float[] queries, float[] logits, Workspace own) {
    WeightRows rows = op.rows().weight();
    int columns = rows.columns();
    int padded = Dots.padded(columns);
    float[] scales = scales(rows, own);
    float[] row = own.floats(Floats.KEYS, PANEL * padded);
    for (int t = 0; t < count; t += PANEL) {
      int n = Math.min(PANEL, count - t);
      for (int i = 0; i < n; i++) {
        int place = HeadAccess.row(op.rows(), first + t + i);
        WidenRows.scales(rows, place, scales);
        WidenRows.row(rows, place, scales, row, i * padded);
      }
      Dots.pad(row, n, columns);
      for (int v = 0; v < op.vectors(); v++) {
        int to = v * HeadResults.STRIDE + t;
        Dots.widened(row, n, padded, queries, v * padded, 1f, logits, to, own);
      }
    }
  }
}
