package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** What a compaction calls untrusted, as {@link HostChecks} does for other operations. */
public final class CompactChecks {
  private final HostChecks checks;
  private final Compact op;
  // The source, if the target's pages lie in the same slab.
  private final @Nullable PagedKv sameSlab;
  // Its pages that hold chosen tokens.
  private final BitSet chosen;

  private CompactChecks(Compact op) {
    this.checks = HostChecks.of(op);
    this.chosen = checks.marks();
    this.op = op;
    PagedKv history = op.history();
    this.sameSlab = history != null && history.slab() == op.target().slab() ? history : null;
  }

  /** Checks lengths, pages and indices. */
  public static void check(Compact op) {
    new CompactChecks(op).run();
  }

  private void run() {
    checks.sources(op.history(), op.fresh());
    checks.open(op.indices(), "indices");
    PagedKv target = op.target();
    checks.open(target, "target");
    int[] kept = new int[target.rows() * target.lists()];
    for (int row = 0; row < target.rows(); row++) {
      for (int head = 0; head < target.heads(); head++) {
        int list = row * target.lists() + target.list(head);
        int count = indices(row, head);
        if (target.headInPage(head) == 0) {
          kept[list] = count;
        } else if (count != kept[list]) {
          throw checks.bad(
              "indices",
              row,
              head,
              count,
              "as many tokens as head 0 keeps, " + kept[list] + ", since they share a list");
        }
      }
    }
    for (int list = 0; list < kept.length; list++) {
      checks.survivors(target, list / target.lists(), list % target.lists(), kept[list], chosen);
    }
  }

  /** Counts a head's indices, checks each, and notes the pages that hold those tokens. */
  private int indices(int row, int head) {
    long tokens = HostChecks.totalTokens(op.history(), op.fresh(), row, head);
    Tensor indices = op.indices();
    int places = (int) indices.size(2);
    MemorySegment segment = indices.segment();
    long at = indices.offset(row, head);
    long step = Integer.BYTES * indices.stride(2);
    PagedKv history = sameSlab;
    int held = history == null ? 0 : KvAccess.at(history.lengths(), row, history.list(head));
    // The tokens of the page noted last.
    int first = 0;
    int end = 0;
    int count = 0;
    for (; count < places; count++) {
      int token = segment.get(ValueLayout.JAVA_INT_UNALIGNED, at + count * step);
      if (token < 0 || token >= tokens) {
        if (token == -1) {
          break;
        }
        checks.inRange("indices", row, head, count, token, 0, tokens - 1);
      }
      if (history != null && token < held && (token < first || token >= end)) {
        int page = token / history.layout().tokens();
        chosen.set(KvAccess.at(history.table(), row, history.list(head), page));
        first = page * history.layout().tokens();
        end = first + history.layout().tokens();
      }
    }
    for (int place = count; place < places; place++) {
      int token = KvAccess.at(indices, row, head, place);
      checks.inRange("indices", row, head, place, token, -1, -1);
    }
    return count;
  }
}
