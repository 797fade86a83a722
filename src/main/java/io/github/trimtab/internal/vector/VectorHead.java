package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.HeadAccess;
import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.memory.Tensor;

/**
 * Logits over the rows of a head: a task takes one chunk of 256 places for all hidden vectors, and
 * leaves of it what {@link HeadResults} needs.
 */
final class VectorHead {
  /** Rows that stay in the first-level cache while the vectors pass over them. */
  private static final int ROWS = 16;

  private VectorHead() {}

  static void run(Head op, Workers workers, Workspace shared) {
    HeadChecks.check(op);
    int chunks = Math.ceilDiv(HeadAccess.count(op.rows()), CanonicalMath.CHUNK);
    widenHidden(op, shared);
    HeadResults.prepare(op, chunks, shared);
    workers.run(op, chunks, shared, VectorHead::chunk);
    HeadResults.finish(op, chunks, shared);
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
  }

  private static void chunk(Head op, int chunk, Workspace shared, Workspace own) {
    int first = chunk * CanonicalMath.CHUNK;
    int count = Math.min(HeadAccess.count(op.rows()) - first, CanonicalMath.CHUNK);
    int columns = op.rows().weight().columns();
    int padded = Dots.padded(columns);
    float[] queries = shared.floats(Floats.QUERIES, 0);
    float[] logits = own.floats(Floats.LOGITS, op.vectors() * HeadResults.STRIDE);
    float[] rows = own.floats(Floats.KEYS, ROWS * padded);
    for (int t = 0; t < count; t += ROWS) {
      int n = Math.min(ROWS, count - t);
      for (int i = 0; i < n; i++) {
        int row = HeadAccess.row(op.rows(), first + t + i);
        WidenRows.row(op.rows().weight(), row, rows, i * padded);
      }
      Dots.pad(rows, n, columns);
      for (int v = 0; v < op.vectors(); v++) {
        int to = v * HeadResults.STRIDE + t;
        Dots.widened(rows, n, padded, queries, v * padded, 1f, logits, to, own);
      }
    }
    HeadResults.chunk(op, chunk, count, logits, shared, own);
  }
}
