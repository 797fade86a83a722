package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.kernel.PagedKv;

/** Writes tokens in the format of pages. */
final class PageWriter {
  private PageWriter() {}

  /** Writes one key or value of a head. */
  static void write(PagedKv target, int row, int head, int token, boolean value, float[] x) {
    long part = value ? KvAccess.keyToValue(target) : 0;
    TokenFormat.write(
        target.layout().dtype(),
        x,
        target.layout().headDim(),
        target.slab().segment(),
        KvAccess.key(target, row, head, token) + part,
        KvAccess.keyScale(target, row, head, token) + part);
  }
}
