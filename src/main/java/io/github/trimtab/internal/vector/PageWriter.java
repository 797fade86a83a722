package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;

/**
 * Writes tokens in the format of pages. Rounding to a narrower format is {@link TokenFormat}'s, an
 * element at a time: a token is rounded once in its life and read many times.
 */
final class PageWriter {
  private PageWriter() {}

  /** Writes the vector (row, head, from) of a [rows, heads, tokens, head_dim] tensor. */
  static void write(
      Tensor tokens,
      int row,
      int head,
      int from,
      PagedKv target,
      int to,
      boolean value,
      Workspace own) {
    int headDim = target.layout().headDim();
    if (tokens.dtype() == target.layout().dtype()) {
      RowCopy.row(
          tokens.segment(),
          tokens.offset(row, head, from),
          target.slab().segment(),
          KvAccess.key(target, row, head, to) + part(target, value),
          (int) target.layout().tokenBytes());
      return;
    }
    float[] x = own.floats(Floats.ROW, headDim);
    Source.tensor(tokens, row, head, from, 1, x, 0, headDim);
    write(x, target, row, head, to, value);
  }

  /** Writes one key or value of a head. */
  static void write(float[] x, PagedKv target, int row, int head, int token, boolean value) {
    TokenFormat.write(
        target.layout().dtype(),
        x,
        target.layout().headDim(),
        target.slab().segment(),
        KvAccess.key(target, row, head, token) + part(target, value),
        KvAccess.keyScale(target, row, head, token) + part(target, value));
  }

  private static long part(PagedKv target, boolean value) {
    return value ? KvAccess.keyToValue(target) : 0;
  }
}
