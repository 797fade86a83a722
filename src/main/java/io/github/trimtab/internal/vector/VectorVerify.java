package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.VerifyChecks;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Verify;

/** Decides which drafted tokens become text, a batch row a task. */
final class VectorVerify {
  private VectorVerify() {}

  static void run(Verify op, Workers workers, Workspace shared) {
    VerifyChecks.check(op, shared.masses, places(op, shared));
    workers.run(op, op.rows(), shared, VectorVerify::row);
  }

  private static void row(Verify op, int row, Workspace shared, Workspace own) {
    own.masses.walk.row(op, row, places(op, shared));
  }

  private static int[] places(Verify op, Workspace shared) {
    return shared.ints(Ints.CHOSEN, op.rows() * op.drafted());
  }
}
