package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What the operations' constructors share: errors that name the argument, its value and what was
 * expected.
 */
final class Check {
  private Check() {}

  static void shape(String name, Tensor tensor, long... shape) {
    require(Arrays.equals(tensor.shape(), shape), name, tensor, "shape " + Arrays.toString(shape));
  }

  /**
   * A tensor [rows, heads, tokens, head_dim] of plain floating-point numbers, a head's elements
   * side by side.
   */
  static void heads(String name, Tensor tensor) {
    require(tensor.dtype().isFloat(), name, tensor, "dtype F32, F16 or BF16");
    require(tensor.rank() == 4, name, tensor, "4 dimensions [rows, heads, tokens, head_dim]");
    require(
        tensor.size(0) <= Integer.MAX_VALUE && tensor.size(2) <= Integer.MAX_VALUE,
        name,
        tensor,
        "sizes below 2^31");
    require(tensor.size(1) >= 1 && tensor.size(1) <= 1 << 16, name, tensor, "1 to 65536 heads");
    long headDim = tensor.size(3);
    require(
        headDim >= 8 && headDim <= 256 && headDim % 8 == 0,
        name,
        tensor,
        "a head dim that is a multiple of 8 from 8 to 256");
    require(
        tensor.stride(3) == 1,
        name,
        tensor,
        "stride 1 along the head dim, not " + tensor.stride(3));
  }

  /** An I32 tensor in the place of the others. */
  static void indices(String name, Tensor tensor, Place place) {
    require(tensor.dtype() == DType.I32, name, tensor, "dtype I32");
    place(name, tensor, place);
  }

  /** An F32 result whose last dimension is contiguous. */
  static void result(String name, Tensor tensor, Place place) {
    require(tensor.dtype() == DType.F32, name, tensor, "dtype F32");
    lastDimensionContiguous(name, tensor);
    place(name, tensor, place);
  }

  static void lastDimensionContiguous(String name, Tensor tensor) {
    int last = tensor.rank() - 1;
    require(
        last >= 0 && tensor.stride(last) == 1, name, tensor, "stride 1 along the last dimension");
  }

  static void place(String name, Tensor tensor, Place place) {
    require(
        tensor.place().equals(place),
        name,
        tensor,
        "memory on " + place + " like the other tensors");
  }

  /**
   * A tensor that may be written, has no element twice (each stride is longer than all smaller ones
   * reach) and shares no memory with what the operation reads.
   */
  static void written(String name, Tensor tensor, @Nullable Tensor... read) {
    writable(name, tensor.buffer());
    if (!isEmpty(tensor)) {
      for (int i = 0; i < tensor.rank(); i++) {
        long reach = reachOfSmallerStrides(tensor, i);
        if (tensor.size(i) > 1 && tensor.stride(i) <= reach) {
          throw new IllegalArgumentException(
              "%s: stride %d of dimension %d, expected more than %d, which smaller strides reach,"
                      .formatted(name, tensor.stride(i), i, reach)
                  + " since it is written");
        }
      }
    }
    for (Tensor other : read) {
      require(
          other == null || !tensor.overlaps(other),
          name,
          tensor,
          "memory apart from the operation's inputs");
    }
  }

  private static void writable(String name, Buffer buffer) {
    require(!buffer.isReadOnly(), name, buffer, "memory that may be written");
  }

  private static boolean isEmpty(Tensor tensor) {
    for (int i = 0; i < tensor.rank(); i++) {
      if (tensor.size(i) == 0) {
        return true;
      }
    }
    return false;
  }

  private static long reachOfSmallerStrides(Tensor tensor, int dim) {
    long stride = tensor.stride(dim);
    long reach = 0;
    for (int i = 0; i < tensor.rank(); i++) {
      if (tensor.stride(i) < stride || (tensor.stride(i) == stride && i < dim)) {
        reach += (tensor.size(i) - 1) * tensor.stride(i);
      }
    }
    return reach;
  }

  static void written(
      String name, Tensor tensor, @Nullable PagedKv pages, @Nullable NewTokens tokens) {
    require(pages == null || !pages.overlaps(tensor), name, tensor, "memory apart from the pages");
    require(
        tokens == null || !tokens.overlaps(tensor),
        name,
        tensor,
        "memory apart from the new tokens");
  }

  /** Pages that are written and share no memory with the new tokens written to them. */
  static void written(String name, PagedKv pages, NewTokens tokens) {
    boolean apart =
        !pages.overlaps(tokens.k())
            && !pages.overlaps(tokens.values())
            && (tokens.lengths() == null || !pages.overlaps(tokens.lengths()));
    require(apart, name, pages.slab(), "memory apart from the new tokens");
    written(name, pages);
  }

  /** Pages whose slab and lengths are written. */
  private static void written(String name, PagedKv pages) {
    writable(name + ".slab", pages.slab());
    written(name + ".lengths", pages.lengths());
  }

  /** Query heads that share the key/value heads of a source. */
  static void grouped(Tensor q, long rows, long heads, long headDim, String source) {
    require(q.size(0) == rows, "q", q, rows + " rows as " + source + " has");
    require(q.size(1) % heads == 0, "q", q, "a multiple of " + source + "'s " + heads + " heads");
    require(q.size(3) == headDim, "q", q, "head dim " + headDim + " as " + source + " has");
  }

  /** History and new tokens agree, and at least one of them is there. */
  static void sources(@Nullable PagedKv history, @Nullable NewTokens fresh) {
    require(
        history != null || fresh != null, "history, fresh", "null", "at least one source of keys");
    if (history != null && fresh != null) {
      alike("fresh", fresh, "history", history);
    }
  }

  /** Queries with the lengths of their rows, and keys that they may attend to, all in one place. */
  static void queriesAndKeys(
      Tensor q,
      @Nullable Tensor queryLengths,
      @Nullable PagedKv history,
      @Nullable NewTokens fresh) {
    heads("q", q);
    sources(history, fresh);
    if (queryLengths != null) {
      indices("queryLengths", queryLengths, q.place());
      shape("queryLengths", queryLengths, q.size(0));
    }
    if (history != null) {
      grouped(q, history.rows(), history.heads(), history.layout().headDim(), "history");
      place("history", history.table(), q.place());
    }
    if (fresh != null) {
      grouped(q, fresh.rows(), fresh.heads(), fresh.headDim(), "fresh");
      place("fresh", fresh.k(), q.place());
    }
  }

  /** Key/value heads of the sources that are there. */
  static int heads(@Nullable PagedKv history, @Nullable NewTokens fresh) {
    return history != null ? history.heads() : fresh != null ? fresh.heads() : 0;
  }

  static void alike(String name, NewTokens tokens, String pagesName, PagedKv pages) {
    require(
        tokens.rows() == pages.rows()
            && tokens.heads() == pages.heads()
            && tokens.headDim() == pages.layout().headDim(),
        name,
        tokens.k(),
        "rows, heads and head dim of "
            + pagesName
            + ": "
            + pages.rows()
            + ", "
            + pages.heads()
            + ", "
            + pages.layout().headDim());
    place(name, tokens.k(), pages.place());
  }

  /**
   * Fresh pages that survivors are written into: other tables and other lengths than the source's.
   */
  static void target(PagedKv target, @Nullable PagedKv history) {
    written("target", target);
    if (history != null) {
      require(
          target.rows() == history.rows()
              && target.heads() == history.heads()
              && target.layout().headDim() == history.layout().headDim(),
          "target",
          target.table(),
          "rows, heads and head dim of history: "
              + history.rows()
              + ", "
              + history.heads()
              + ", "
              + history.layout().headDim());
      place("target", target.table(), history.place());
      require(
          target.sharesSlab(history) || !target.memory().overlaps(history.memory()),
          "target.slab",
          target.slab(),
          "history's slab with pages of one size, or memory apart from it");
      require(
          !target.overlaps(history.table()) && !target.overlaps(history.lengths()),
          "target",
          target.table(),
          "memory apart from history's tables");
      require(
          !history.memory().overlaps(target.table())
              && !history.memory().overlaps(target.lengths()),
          "target",
          target.table(),
          "tables apart from history's pages");
    }
  }
}
