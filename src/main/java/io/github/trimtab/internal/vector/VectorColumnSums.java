package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.SoftmaxChecks;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.ColumnSums;
import io.github.trimtab.kernel.Mask;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Sums each token's softmax weights over all queries, a head a task. */
final class VectorColumnSums {
  private VectorColumnSums() {}

  static void run(ColumnSums op, Workers workers, Workspace shared) {
    SoftmaxChecks.check(op);
    if (op.sums().size(2) > 0) {
      workers.run(op, op.rows() * op.heads(), shared, VectorColumnSums::head);
    }
  }

  private static void head(ColumnSums op, int index, Workspace shared, Workspace own) {
    int row = index / op.heads();
    int head = index % op.heads();
    int tokens = KvAccess.tokens(op.history(), op.fresh(), row, head);
    int queries = KvAccess.queries(op.q(), op.queryLengths(), row);
    int[] places = own.ints(Ints.CHOSEN, queries);
    Arrays.setAll(places, i -> i);
    float[] sums = own.floats(Floats.SCORES, Dots.room(tokens));
    SoftmaxScore.head(
        op.q(),
        places,
        queries,
        op.group(),
        op.history(),
        op.fresh(),
        row,
        head,
        op.mask() == Mask.CAUSAL,
        op.scale(),
        sums,
        own);
    MemorySegment out = op.sums().segment();
    long offset = op.sums().offset(row, head);
    MemorySegment.copy(sums, 0, out, ValueLayout.JAVA_FLOAT_UNALIGNED, offset, tokens);
    long end = op.sums().size(2);
    out.asSlice(offset + 4L * tokens, 4 * (end - tokens)).fill((byte) 0);
  }
}
