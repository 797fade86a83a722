package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.CompactChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Copies chosen tokens into fresh pages. */
final class ScalarCompact {
  private ScalarCompact() {}

  static void run(Compact op) {
    CompactChecks.check(op);
    runChecked(op.history(), op.fresh(), op.indices(), op.target());
  }

  /** Runs a compaction whose buffers have been checked. */
  static void runChecked(
      @Nullable PagedKv history, @Nullable NewTokens fresh, Tensor indices, PagedKv target) {
    KvSource source = new KvSource(history, fresh);
    int headDim = target.layout().headDim();
    float[] key = new float[headDim];
    float[] value = new float[headDim];
    for (int row = 0; row < target.rows(); row++) {
      for (int head = 0; head < target.heads(); head++) {
        int kept = 0;
        for (; kept < indices.size(2); kept++) {
          int token = KvAccess.at(indices, row, head, kept);
          if (token < 0) {
            break;
          }
          if (history != null
              && token < source.historyTokens(row, head)
              && history.layout().dtype() == target.layout().dtype()) {
            copy(history, token, target, kept, row, head);
          } else {
            source.readKey(row, head, token, key);
            source.readValue(row, head, token, value);
            ScalarAppend.write(target, row, head, kept, key, value);
          }
        }
        target.lengths().setIntegerAt(target.lengths().offset(row, target.list(head)), kept);
      }
    }
  }

  /** Moves codes and scales of one token of one head as they are. */
  private static void copy(
      PagedKv from, int fromToken, PagedKv to, int toToken, int row, int head) {
    long bytes = from.layout().tokenBytes();
    long fromKey = KvAccess.key(from, row, head, fromToken);
    long toKey = KvAccess.key(to, row, head, toToken);
    long fromValue = KvAccess.keyToValue(from);
    long toValue = KvAccess.keyToValue(to);
    MemorySegment source = from.slab().segment();
    MemorySegment target = to.slab().segment();
    MemorySegment.copy(source, fromKey, target, toKey, bytes);
    MemorySegment.copy(source, fromKey + fromValue, target, toKey + toValue, bytes);
    if (from.layout().dtype().isQuantized()) {
      long fromScale = KvAccess.keyScale(from, row, head, fromToken);
      long toScale = KvAccess.keyScale(to, row, head, toToken);
      MemorySegment.copy(source, fromScale, target, toScale, Short.BYTES);
      MemorySegment.copy(source, fromScale + fromValue, target, toScale + toValue, Short.BYTES);
    }
  }
}
