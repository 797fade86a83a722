package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.SoftmaxChecks;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Selectivity;

/** The selectivity index of a layer: the two shares of every query, a query head a task. */
final class VectorSelectivity {
  private VectorSelectivity() {}

  static void run(Selectivity op, Workers workers, Workspace shared) {
    SoftmaxChecks.check(op);
    int heads = op.heads() * op.group();
    int queries = queriesBefore(op, op.rows());
    // Shares of the current map, and behind them those of history.
    float[] shares = shared.floats(Floats.SCORES, 2 * queries);
    workers.run(op, op.rows() * heads, shared, VectorSelectivity::queryHead);
    float[] lanes = shared.floats(Floats.PARTIAL, CanonicalMath.LANES);
    float current = Dots.sum(shares, 0, queries, lanes) / queries;
    float history = Dots.sum(shares, queries, queries, lanes) / queries;
    op.index().setFloatAt(op.index().offset(0), current);
    op.index().setFloatAt(op.index().offset(1), history);
    op.index().setFloatAt(op.index().offset(2), current * history);
  }

  /** Valid queries of all heads in the rows before {@code row}. */
  private static int queriesBefore(Selectivity op, int row) {
    int queries = 0;
    for (int r = 0; r < row; r++) {
      queries += op.heads() * op.group() * KvAccess.queries(op.q(), op.queryLengths(), r);
    }
    return queries;
  }

  private static void queryHead(Selectivity op, int index, Workspace shared, Workspace own) {
    int heads = op.heads() * op.group();
    int row = index / heads;
    int queryHead = index % heads;
    int head = queryHead / op.group();
    int valid = KvAccess.queries(op.q(), op.queryLengths(), row);
    int history = KvAccess.historyTokens(op.history(), row, head);
    int queries = queriesBefore(op, op.rows());
    int at = queriesBefore(op, row) + queryHead * valid;
    float[] shares = shared.floats(Floats.SCORES, 0);
    QueryTile tile = own.queries;
    tile.begin(op.history(), op.fresh(), row, head, (int) op.q().size(3));
    for (int i = 0; i < valid; i++) {
      tile.add(op.q(), queryHead, i);
      if (tile.isFull() || i == valid - 1) {
        tile.fill(op.history(), op.fresh(), tile.tokens(), op.scale());
        for (int held = 0; held < tile.held(); held++) {
          weights(tile, held, own);
          shares[at] = tile.sum(held, history, tile.tokens());
          shares[queries + at] = largest(tile, held, history, op.top(), own);
          at++;
        }
        tile.clear();
      }
    }
  }

  /** Turns a query's logits into weights by their log-sum-exp. */
  private static void weights(QueryTile tile, int query, Workspace own) {
    int tokens = tile.tokens();
    int chunks = Math.ceilDiv(tokens, CanonicalMath.CHUNK);
    float[] parts = own.floats(Floats.STATE, 2 * chunks);
    float[] exps = own.floats(Floats.ROW, CanonicalMath.CHUNK);
    float[] lanes = own.floats(Floats.PARTIAL, CanonicalMath.LANES);
    for (int c = 0; c < chunks; c++) {
      int from = tile.at(query) + c * CanonicalMath.CHUNK;
      int count = Math.min(CanonicalMath.CHUNK, tokens - c * CanonicalMath.CHUNK);
      float max = SoftmaxScore.max(tile.logits(), from, count);
      VectorExp.ofNonPositive(tile.logits(), from, count, max, exps, 0);
      parts[2 * c] = max;
      parts[2 * c + 1] = Dots.sum(exps, count, lanes);
    }
    // Rounded, a log-sum-exp may lie below its only logit.
    float logSumExp = CanonicalMath.logSumExp(parts, 0, chunks);
    VectorExp.exp(tile.logits(), tile.at(query), tokens, logSumExp);
  }

  /** The sum of the {@code top} largest weights on history in rising index. */
  private static float largest(QueryTile tile, int query, int history, int top, Workspace own) {
    float[] weights = tile.logits();
    int at = tile.at(query);
    float sum = 0f;
    if (history <= top) {
      for (int t = 0; t < history; t++) {
        sum += weights[at + t];
      }
      return sum;
    }
    int[] chosen = own.ints(Ints.CHOSEN, top + Lanes.COUNT);
    VectorSelect.largest(weights, at, history, top, chosen, own);
    for (int i = 0; i < top; i++) {
      sum += weights[at + chosen[i]];
    }
    return sum;
  }
}
