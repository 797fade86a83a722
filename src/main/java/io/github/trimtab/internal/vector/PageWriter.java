package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Writes tokens in the format of pages, as many at once as a page takes. */
final class PageWriter {
  private PageWriter() {}

  /**
   * Writes {@code count} vectors (row, head, from...) of a [rows, heads, tokens, head_dim] tensor
   * as a head's tokens from {@code to} on.
   */
  static void write(
      Tensor tokens,
      int row,
      int head,
      int from,
      int count,
      PagedKv target,
      int to,
      boolean value,
      Workspace own) {
    int pageTokens = target.layout().tokens();
    for (int t = 0; t < count; ) {
      int n = Math.min(pageTokens - (to + t) % pageTokens, count - t);
      page(tokens, row, head, from + t, n, target, to + t, value, own);
      t += n;
    }
  }

  private static void page(
      Tensor tokens,
      int row,
      int head,
      int from,
      int count,
      PagedKv target,
      int to,
      boolean value,
      Workspace own) {
    int headDim = target.layout().headDim();
    if (tokens.dtype() == target.layout().dtype()) {
      RowCopy.rows(
          tokens.segment(),
          tokens.offset(row, head, from),
          tokens.dtype().bytes(tokens.stride(2)),
          target.slab().segment(),
          KvAccess.key(target, row, head, to) + part(target, value),
          count,
          (int) target.layout().tokenBytes());
      return;
    }
    float[] x = own.floats(Floats.ROW, count * headDim);
    Source.tensor(tokens, row, head, from, count, x, 0, headDim);
    write(x, count, target, row, head, to, value);
  }

  /** Writes {@code count} keys or values of a head into one page. */
  static void write(
      float[] x, int count, PagedKv target, int row, int head, int token, boolean value) {
    DType dtype = target.layout().dtype();
    int headDim = target.layout().headDim();
    MemorySegment slab = target.slab().segment();
    long to = KvAccess.key(target, row, head, token) + part(target, value);
    switch (dtype) {
      case F32 ->
          MemorySegment.copy(x, 0, slab, ValueLayout.JAVA_FLOAT_UNALIGNED, to, count * headDim);
      case F16 -> Narrow.f16(x, count * headDim, slab, to);
      case BF16 -> Narrow.bf16(x, count * headDim, slab, to);
      default -> {
        long scales = KvAccess.keyScale(target, row, head, token) + part(target, value);
        for (int t = 0; t < count; t++) {
          short scale = Narrow.scaleBits(dtype, x, t * headDim, headDim);
          slab.set(ValueLayout.JAVA_SHORT_UNALIGNED, scales + 2L * t, scale);
          float widened = FloatFormats.fromBf16(scale);
          Narrow.codes(dtype, x, t * headDim, headDim, widened, slab, to + (long) t * headDim);
        }
      }
    }
  }

  private static long part(PagedKv target, boolean value) {
    return value ? KvAccess.keyToValue(target) : 0;
  }
}
