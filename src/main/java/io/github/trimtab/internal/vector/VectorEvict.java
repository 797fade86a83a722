package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.EvictChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Score;

/**
 * Scores, selects and writes the survivors into fresh pages: the scan of the keys, then pooling and
 * selection a head a task, then the copies.
 */
final class VectorEvict {
  private VectorEvict() {}

  static void run(Evict op, Workers workers, Workspace shared) {
    EvictChecks.check(op);
    Score score = op.score();
    VectorScore.scan(score, workers, shared);
    workers.run(op, score.rows() * score.heads(), shared, VectorEvict::select);
    workers.run(op, VectorCompact.tasks(op.indices(), op.target()), shared, VectorEvict::compact);
    VectorCompact.setLengths(op.indices(), op.target());
  }

  private static void select(Evict op, int index, Workspace shared, Workspace own) {
    Score score = op.score();
    int row = index / score.heads();
    int head = index % score.heads();
    VectorScore.finish(score, row, head, own);
    int capacity = KvAccess.at(op.capacity(), row, op.target().list(head));
    int tokens = KvAccess.tokens(score.history(), score.fresh(), row, head);
    VectorSelect.head(
        score.scores(), tokens, score.window(), capacity, row, head, op.indices(), own);
  }

  private static void compact(Evict op, int index, Workspace shared, Workspace own) {
    Score score = op.score();
    VectorCompact.task(score.history(), score.fresh(), op.indices(), op.target(), index, own);
  }
}
