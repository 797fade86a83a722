package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.HeadAccess;
import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Logits over the rows of a head: a task takes one chunk of 256 places for all hidden vectors, and
 * leaves of it what {@link HeadResults} needs.
 */
final class VectorHead {
  /** Vectors from which on rows are widened once and multiplied in tiles. */
  private static final int TILED = 4;

  /** Rows of a tiled panel, which lies in the second-level cache. */
  private static final int PANEL = 24;

  /** Rows accumulated before they are folded, a multiple of every width. */
  private static final int GROUP = 64;

  private VectorHead() {}

  static void run(Head op, Workers workers, Workspace shared) {
    HeadChecks.check(op);
    int chunks = Math.ceilDiv(HeadAccess.count(op.rows()), CanonicalMath.CHUNK);
    widenHidden(op, shared);
    HeadResults.prepare(op, chunks, shared);
    workers.run(op, chunks, shared, VectorHead::chunk);
    HeadResults.finish(op, chunks, shared);
  }

  /** Whether rows and groups are whole units of 32 elements, as the fast loops want them. */
  private static boolean wholeUnits(Head op) {
    WeightRows rows = op.rows().weight();
    return rows.columns() % CanonicalMath.LANES == 0 && rows.group() % CanonicalMath.LANES == 0;
  }

  /** Whether a single vector meets rows that are read fastest where they follow one another. */
  private static boolean streams(Head op) {
    WeightRows rows = op.rows().weight();
    return op.vectors() == 1 && StreamDots.takes(rows.format(), rows.columns());
  }

  private static boolean tiled(Head op) {
    return op.vectors() >= TILED && wholeUnits(op);
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
      int blocks = HeadTile.blocks(op.vectors(), HeadTile.VECTORS);
      float[] arranged = shared.zeroFloats(Floats.ARRANGED, blocks * HeadTile.VECTORS * columns);
      HeadTile.arrange(queries, op.vectors(), columns, arranged);
    } else if (streams(op)) {
      MemorySegment aligned = shared.alignedFloats(columns);
      StreamDots.arrange(op.rows().weight().format(), queries, 0, columns, aligned, 0);
    }
  }

  private static void chunk(Head op, int chunk, Workspace shared, Workspace own) {
    int first = chunk * CanonicalMath.CHUNK;
    int count = Math.min(HeadAccess.count(op.rows()) - first, CanonicalMath.CHUNK);
    float[] logits = own.floats(Floats.LOGITS, op.vectors() * HeadResults.STRIDE);
    if (tiled(op)) {
      tiles(op, first, count, shared.floats(Floats.ARRANGED, 0), logits, own);
    } else if (wholeUnits(op)) {
      rows(op, first, count, shared, logits, own);
    } else {
      widened(op, first, count, shared.floats(Floats.QUERIES, 0), logits, own);
    }
    HeadResults.chunk(op, chunk, count, logits, shared, own);
  }

  private static float[] scales(WeightRows rows, Workspace own) {
    return own.floats(Floats.SCALES, rows.columns() / rows.group());
  }

  /** Few vectors: each row is multiplied from memory for the first, from cache for the others. */
  private static void rows(
      Head op, int first, int count, Workspace shared, float[] logits, Workspace own) {
    WeightRows rows = op.rows().weight();
    float[] queries = shared.floats(Floats.QUERIES, 0);
    boolean streams = streams(op);
    float[] scales = scales(rows, own);
    int stride = GROUP * Lanes.COUNT;
    float[] partial = own.floats(Floats.PARTIAL, stride);
    float[] others = own.floats(Floats.OTHERS, TILED * stride);
    for (int t = 0; t < count; t += GROUP) {
      int n = Math.min(GROUP, count - t);
      if (streams && follow(op, first + t, n)) {
        int row = HeadAccess.row(op.rows(), first + t);
        stream(rows, row, n, shared.alignedFloats(0), logits, t, own);
        continue;
      }
      for (int i = 0; i < n; i++) {
        int row = HeadAccess.row(op.rows(), first + t + i);
        WidenRows.scales(rows, row, scales);
        for (int v = 0; v < op.vectors(); v++) {
          int to = v * stride + i * Lanes.COUNT;
          RowDots.row(rows, row, scales, queries, v * rows.columns(), others, to);
        }
      }
      for (int v = 0; v < op.vectors(); v++) {
        System.arraycopy(others, v * stride, partial, 0, n * Lanes.COUNT);
        Fold.plain(partial, n, 1f, logits, v * HeadResults.STRIDE + t);
      }
    }
  }

  /** Whether the rows at some places follow one another. */
  private static boolean follow(Head op, int first, int count) {
    int row = HeadAccess.row(op.rows(), first);
    for (int i = 1; i < count; i++) {
      if (HeadAccess.row(op.rows(), first + i) != row + i) {
        return false;
      }
    }
    return true;
  }

  private static void stream(
      WeightRows rows,
      int row,
      int count,
      MemorySegment query,
      float[] logits,
      int at,
      Workspace own) {
    Tensor codes = rows.codes();
    long stride = codes.offset(1, 0) - codes.offset(0, 0);
    StreamDots.rows(
        rows.format(),
        codes.segment(),
        codes.offset(row, 0),
        stride,
        count,
        rows.columns(),
        query,
        0,
        1f,
        logits,
        at,
        own);
  }

  /** Many vectors: a panel of rows is widened once and multiplied with four vectors at a time. */
  private static void tiles(
      Head op, int first, int count, float[] vectors, float[] logits, Workspace own) {
    WeightRows rows = op.rows().weight();
    int columns = rows.columns();
    float[] scales = scales(rows, own);
    float[] panel = own.floats(Floats.KEYS, PANEL * columns);
    float[] partial = own.floats(Floats.PARTIAL, HeadTile.room(PANEL));
    for (int t = 0; t < count; t += PANEL) {
      int n = Math.min(PANEL, count - t);
      int slice = HeadTile.slice(HeadTile.blocks(n, HeadTile.ROWS), columns, HeadTile.ROWS);
      for (int i = 0; i < n; i++) {
        int row = HeadAccess.row(op.rows(), first + t + i);
        WidenRows.scales(rows, row, scales);
        int at = HeadTile.start(i, columns, HeadTile.ROWS);
        WidenRows.panel(rows, row, scales, panel, at, slice);
      }
      for (int b = 0; b < HeadTile.blocks(op.vectors(), HeadTile.VECTORS); b++) {
        int to = b * HeadTile.VECTORS * HeadResults.STRIDE + t;
        HeadTile.multiply(
            panel, n, vectors, op.vectors(), b, columns, partial, logits, to, HeadResults.STRIDE);
      }
    }
  }

  /** Rows off the grid of 32 elements: widened and padded first. */
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
