package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.Tensor;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** Checks of selections and evictions, before the first write. */
public final class EvictChecks {
  private EvictChecks() {}

  /** Checks a selection's lengths, window and capacities. */
  public static void check(Select op) {
    HostChecks checks = HostChecks.of(op);
    checks.open(op.scores(), "scores");
    checks.open(op.lengths(), "lengths");
    checks.open(op.window(), "window");
    checks.open(op.capacity(), "capacity");
    checks.open(op.indices(), "indices");
    int places = (int) op.scores().size(2);
    for (int row = 0; row < op.scores().size(0); row++) {
      int least = places;
      for (int head = 0; head < op.scores().size(1); head++) {
        int tokens = KvAccess.tokens(op, row, head);
        checks.inRange("lengths", row, head, tokens, 0, places);
        least = Math.min(least, tokens);
      }
      checks.positions("window", op.window(), row, least);
      capacities(checks, op.capacity(), op.window(), op.indices(), row);
    }
  }

  /** Checks what an eviction scores, its capacities and the pages of its survivors. */
  public static void check(Evict op) {
    HostChecks checks = HostChecks.of(op);
    Score score = op.score();
    checks.prefix = "score.";
    checks.score(score);
    checks.prefix = "";
    checks.open(op.capacity(), "capacity");
    checks.open(op.indices(), "indices");
    checks.open(op.target(), "target");
    BitSet pages = sourcePages(checks, score.history(), op.target());
    for (int row = 0; row < score.rows(); row++) {
      capacities(checks, op.capacity(), score.window(), op.indices(), row);
      int kept = 0;
      for (int head = 0; head < score.heads(); head++) {
        int list = op.target().list(head);
        long total = HostChecks.totalTokens(score.history(), score.fresh(), row, head);
        int count = (int) Math.min(total, KvAccess.at(op.capacity(), row, list));
        if (op.target().headInPage(head) == 0) {
          kept = count;
          checks.survivors(op.target(), row, list, kept, pages);
        } else if (count != kept) {
          throw checks.bad(
              "score.history.lengths",
              row,
              head,
              count,
              "as many survivors as head 0 has, "
                  + kept
                  + ", since they share a list of the target");
        }
      }
    }
  }

  private static void capacities(
      HostChecks checks, Tensor capacity, @Nullable Tensor window, Tensor indices, int row) {
    int least = KvAccess.presentPositions(window, row);
    for (int list = 0; list < capacity.size(1); list++) {
      int value = KvAccess.at(capacity, row, list);
      if (value < least) {
        throw checks.bad(
            "capacity", row, list, value, "at least the window's " + least + " positions");
      }
      if (value > indices.size(2)) {
        throw checks.bad(
            "capacity", row, list, value, "at most the " + indices.size(2) + " places of indices");
      }
    }
  }

  /** The pages that the source reads, if the target's lie in the same slab. */
  private static BitSet sourcePages(HostChecks checks, @Nullable PagedKv history, PagedKv target) {
    BitSet pages = checks.marks();
    if (history != null && history.slab() == target.slab()) {
      for (int row = 0; row < history.rows(); row++) {
        for (int list = 0; list < history.lists(); list++) {
          int end = history.layout().pagesFor(KvAccess.at(history.lengths(), row, list));
          for (int i = 0; i < end; i++) {
            pages.set(KvAccess.at(history.table(), row, list, i));
          }
        }
      }
    }
    return pages;
  }
}
