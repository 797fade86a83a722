package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.EvictChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Chooses the window and the highest-scored other tokens. */
final class ScalarSelect {
  private ScalarSelect() {}

  static void run(Select op) {
    EvictChecks.check(op);
    for (int row = 0; row < op.scores().size(0); row++) {
      for (int head = 0; head < op.scores().size(1); head++) {
        int list = op.capacity().size(1) == 1 ? 0 : head;
        int capacity = KvAccess.at(op.capacity(), row, list);
        int tokens = KvAccess.tokens(op, row, head);
        choose(op.scores(), tokens, op.window(), capacity, row, head, op.indices());
      }
    }
  }

  /** Chooses for one head, and writes the indices in ascending order with -1 behind them. */
  static void choose(
      Tensor scores,
      int tokens,
      @Nullable Tensor window,
      int capacity,
      int row,
      int head,
      Tensor indices) {
    boolean[] chosen = new boolean[tokens];
    if (tokens <= capacity) {
      Arrays.fill(chosen, true);
    } else {
      int windowed = 0;
      for (int p = 0; window != null && p < window.size(1); p++) {
        int position = KvAccess.at(window, row, p);
        if (position >= 0) {
          chosen[position] = true;
          windowed++;
        }
      }
      // Ascending keys: a higher score, then a lower index, comes later.
      long[] keys = new long[tokens - windowed];
      int n = 0;
      for (int t = 0; t < tokens; t++) {
        if (!chosen[t]) {
          int rank = CanonicalMath.rank(scores.floatAt(scores.offset(row, head, t)));
          keys[n++] = ((long) rank << 32) | (Integer.MAX_VALUE - t);
        }
      }
      Arrays.sort(keys);
      for (int i = n - (capacity - windowed); i < n; i++) {
        chosen[Integer.MAX_VALUE - (int) keys[i]] = true;
      }
    }
    int place = 0;
    for (int t = 0; t < tokens; t++) {
      if (chosen[t]) {
        indices.setIntegerAt(indices.offset(row, head, place++), t);
      }
    }
    for (; place < indices.size(2); place++) {
      indices.setIntegerAt(indices.offset(row, head, place), -1);
    }
  }
}
