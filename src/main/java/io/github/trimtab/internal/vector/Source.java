package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/** Reads ranges of a head's tokens, numbered through history and new tokens, widened to F32. */
final class Source {
  private Source() {}

  /**
   * Widens keys or values of tokens {@code [from, from + count)}.
   *
   * @param values values, not keys
   * @param to receives token t at {@code (t - from) * stride}
   */
  static void read(
      @Nullable PagedKv history,
      @Nullable NewTokens fresh,
      int row,
      int head,
      int from,
      int count,
      boolean values,
      float[] to,
      int stride) {
    int end = from + count;
    int historyTokens = KvAccess.historyTokens(history, row, head);
    int t = from;
    if (history != null && t < historyTokens) {
      PageLayout layout = history.layout();
      long part = values ? KvAccess.keyToValue(history) : 0;
      int pageTokens = layout.tokens();
      while (t < Math.min(end, historyTokens)) {
        int n = Math.min(pageTokens - t % pageTokens, Math.min(end, historyTokens) - t);
        Widen.tokens(
            layout.dtype(),
            history.slab().segment(),
            KvAccess.key(history, row, head, t) + part,
            layout.tokenBytes(),
            KvAccess.keyScale(history, row, head, t) + part,
            n,
            layout.headDim(),
            to,
            (t - from) * stride,
            stride);
        t += n;
      }
    }
    if (fresh != null && t < end) {
      Tensor tensor = values ? fresh.values() : fresh.k();
      tensor(tensor, row, head, t - historyTokens, end - t, to, (t - from) * stride, stride);
    }
  }

  /** Widens vectors (row, head, token...) of a [rows, heads, tokens, head_dim] tensor. */
  static void tensor(
      Tensor tensor, int row, int head, int token, int count, float[] to, int index, int stride) {
    Widen.tokens(
        tensor.dtype(),
        tensor.segment(),
        tensor.offset(row, head, token),
        tensor.stride(2) * (tensor.dtype().bits() / 8),
        0,
        count,
        (int) tensor.size(3),
        to,
        index,
        stride);
  }
}
