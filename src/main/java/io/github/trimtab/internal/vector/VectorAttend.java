package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.AttendChecks;
import io.github.trimtab.kernel.Attend;

/**
 * Attention with an online softmax. A task is a tile of queries of one key/value head: panels of
 * {@link AttendPanel#QUERIES} queries, which lie across the lanes of vectors. Each block of keys
 * and values is widened once for the whole tile, and every panel passes over it. A head's few
 * queries, as in decoding, are rows instead of panels ({@link AttendRow}).
 *
 * <p>Source: T. Dao et al., FlashAttention, arXiv 2205.14135, section 3.1.
 */
final class VectorAttend {
  /** Most panels of a tile: their state stays in the second-level cache. */
  private static final int MAX_PANELS = 10;

  /** Tiles a thread should find at least, so that threads end together. */
  private static final int TILES_PER_THREAD = 4;

  private VectorAttend() {}

  static void run(Attend op, Workers workers, Workspace shared) {
    AttendChecks.check(op);
    int panels = panels(op);
    int heads = (int) op.q().size(0) * op.heads();
    int wanted = Math.ceilDiv(workers.threads() * TILES_PER_THREAD, Math.max(heads, 1));
    int[] plan = shared.ints(Workspace.Ints.CHOSEN, 1);
    plan[0] = width(op) == 1 ? Math.max(panels, 1) : Math.clamp(panels / wanted, 1, MAX_PANELS);
    workers.run(op, heads * Math.ceilDiv(panels, plan[0]), shared, VectorAttend::tile);
  }

  private static int queriesOfHead(Attend op) {
    return Math.toIntExact(op.q().size(1) / op.heads() * op.q().size(2));
  }

  /** Queries of a panel: one, where a head has so few that most lanes would stay empty. */
  private static int width(Attend op) {
    return queriesOfHead(op) <= AttendPanel.QUERIES / 4 ? 1 : AttendPanel.QUERIES;
  }

  private static int panels(Attend op) {
    return Math.ceilDiv(queriesOfHead(op), width(op));
  }

  private static void tile(Attend op, int index, Workspace shared, Workspace own) {
    int perTile = shared.ints(Workspace.Ints.CHOSEN, 1)[0];
    int panels = panels(op);
    int tiles = Math.ceilDiv(panels, perTile);
    int head = index / tiles % op.heads();
    int row = index / tiles / op.heads();
    int first = index % tiles * perTile;
    own.tile.run(op, row, head, width(op), first, Math.min(perTile, panels - first), own);
  }
}
