package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.EvictChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Score;

/** Scores, selects, and writes the survivors into fresh pages. */
final class ScalarEvict {
  private ScalarEvict() {}

  static void run(Evict op) {
    EvictChecks.check(op);
    Score score = op.score();
    ScalarScore.runChecked(score);
    for (int row = 0; row < score.rows(); row++) {
      for (int head = 0; head < score.heads(); head++) {
        int capacity = KvAccess.at(op.capacity(), row, op.target().list(head));
        int tokens = KvAccess.tokens(score.history(), score.fresh(), row, head);
        ScalarSelect.choose(
            score.scores(), tokens, score.window(), capacity, row, head, op.indices());
      }
    }
    ScalarCompact.runChecked(score.history(), score.fresh(), op.indices(), op.target());
  }
}
