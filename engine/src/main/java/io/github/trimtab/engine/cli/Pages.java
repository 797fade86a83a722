package io.github.trimtab.engine.cli;

import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Pages for an operation's keys and values: one list a row, all heads in a page. */
final class Pages implements AutoCloseable {
  private final PageLayout layout;
  private final int rows;
  private final PagePool pool;

  /** Pages for {@code rows} rows of one list each for every entry of {@code tokens}. */
  Pages(PageLayout layout, int rows, int... tokens) {
    this.layout = layout;
    this.rows = rows;
    long pages = Arrays.stream(tokens).mapToLong(layout::pagesFor).sum() * rows;
    pool = new PagePool(layout, Math.toIntExact(Math.max(pages, 1)));
  }

  /** Empty lists with room for {@code tokens} tokens a row. */
  PagedKv list(int tokens) {
    int pages = layout.pagesFor(tokens);
    Tensor table = Tensor.wrap(pool.acquire(rows * pages), rows, 1, pages);
    Tensor lengths = Tensor.wrap(new int[rows], rows, 1);
    return new PagedKv(layout, pool.slab(), pool.capacity(), table, lengths);
  }

  /** The keys that lists hold [R,G,places,D], 0 past a list's length. */
  Tensor keys(PagedKv lists, int places, DType dtype) {
    return read(lists, 0, places, dtype);
  }

  /** The values that lists hold [R,G,places,D], 0 past a list's length. */
  Tensor values(PagedKv lists, int places, DType dtype) {
    return read(lists, layout.values(0) - layout.keys(0), places, dtype);
  }

  /** Reads keys, or what lies {@code distance} bytes behind them in a page. */
  private Tensor read(PagedKv lists, long distance, int places, DType dtype) {
    Tensor result = Tensors.zeros(dtype, rows, layout.heads(), places, layout.headDim());
    Tensor table = lists.table();
    for (int row = 0; row < rows; row++) {
      long length = lists.lengths().integerAt(lists.lengths().offset(row, 0));
      for (int head = 0; head < layout.heads(); head++) {
        for (int token = 0; token < length; token++) {
          int place = token % layout.tokens();
          long page = table.integerAt(table.offset(row, 0, token / layout.tokens()));
          long codes = page * layout.pageBytes() + layout.keys(head) + distance;
          readToken(codes, place, result, result.offset(row, head, token, 0));
        }
      }
    }
    return result;
  }

  /** Reads one token of a head whose codes start at {@code codes}. */
  private void readToken(long codes, int place, Tensor result, long offset) {
    MemorySegment slab = pool.slab().segment();
    long first = codes + place * layout.tokenBytes();
    if (result.dtype() == layout.dtype()) {
      MemorySegment.copy(slab, first, result.segment(), offset, layout.tokenBytes());
      return;
    }
    float scale = 1f;
    if (layout.dtype().isQuantized()) {
      long at = codes + layout.scalesAfterCodes() + 2L * place;
      scale = FloatFormats.fromBf16(slab.get(ValueLayout.JAVA_SHORT_UNALIGNED, at));
    }
    for (int i = 0; i < layout.headDim(); i++) {
      result.setFloatAt(offset + 4L * i, scale * element(slab, first, i));
    }
  }

  private float element(MemorySegment slab, long first, int i) {
    return switch (layout.dtype()) {
      case F32 -> slab.get(ValueLayout.JAVA_FLOAT_UNALIGNED, first + 4L * i);
      case F16 -> FloatFormats.fromF16(slab.get(ValueLayout.JAVA_SHORT_UNALIGNED, first + 2L * i));
      case BF16 ->
          FloatFormats.fromBf16(slab.get(ValueLayout.JAVA_SHORT_UNALIGNED, first + 2L * i));
      case FP8_E4M3 -> FloatFormats.fromFp8(slab.get(ValueLayout.JAVA_BYTE, first + i));
      case INT8 -> slab.get(ValueLayout.JAVA_BYTE, first + i);
      default -> throw new IllegalStateException("pages of " + layout.dtype());
    };
  }

  @Override
  public void close() {
    pool.close();
  }
}
