package io.github.trimtab.kernel;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Makes random operands in buffers that end exactly where the last element does, so that a read
 * past an end throws: on the Java backends every access goes through a bounds-checked segment,
 * which catches what an unmapped page behind the buffer would. Bytes between elements are poisoned
 * with 0xff, a NaN in every float format.
 */
final class Operands {
  /** What elements look like. */
  enum Values {
    /** Normally distributed. */
    NORMAL,
    /** -1, 0 or 1, so that many scores tie. */
    TIES,
    /** Normally distributed, with zeros, NaN, infinities, huge and tiny numbers among them. */
    SPECIAL
  }

  private static final float[] SPECIAL = {
    0f, -0f, Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 3e38f, -1e-40f, 1e-38f
  };

  private final Random random;
  private final boolean heap;
  private final Values values;

  Operands(Random random, boolean heap, Values values) {
    this.random = random;
    this.heap = heap;
    this.values = values;
  }

  /** A poisoned buffer of exactly {@code bytes} bytes. */
  Buffer buffer(long bytes) {
    Buffer buffer =
        heap
            ? Buffer.wrap(MemorySegment.ofArray(new byte[(int) bytes]))
            : Buffer.wrap(Arena.ofAuto().allocate(bytes, 4));
    buffer.segment().fill((byte) 0xff);
    return buffer;
  }

  /**
   * Random elements [rows, heads, tokens, head_dim], each a row of memory or interleaved by head.
   */
  Tensor heads(DType dtype, boolean interleaved, int rows, int heads, int tokens, int headDim) {
    long pitch = interleaved ? headDim + 3 : headDim;
    long[] shape = {rows, heads, tokens, headDim};
    long[] strides =
        interleaved
            ? new long[] {tokens * (heads * pitch), pitch, heads * pitch, 1}
            : new long[] {heads * (tokens * pitch), tokens * pitch, pitch, 1};
    long offset = interleaved ? 5L * dtype.bits() / 8 : 0;
    long last = 0;
    for (int i = 0; i < 4; i++) {
      last += Math.max(shape[i] - 1, 0) * strides[i];
    }
    long bytes = rows * heads * tokens == 0 ? offset : offset + dtype.bytes(last + 1);
    Tensor tensor = Tensor.strided(dtype, buffer(bytes), offset, shape, strides);
    fill(tensor);
    return tensor;
  }

  /** Random elements [rows, columns], with a gap behind each row or without. */
  Tensor matrix(DType dtype, boolean gap, int rows, int columns) {
    Tensor heads = heads(dtype, gap, 1, 1, rows, columns);
    long[] strides = {heads.stride(2), 1};
    return Tensor.strided(
        dtype, heads.buffer(), heads.offset(), new long[] {rows, columns}, strides);
  }

  private void fill(Tensor tensor) {
    for (int row = 0; row < tensor.size(0); row++) {
      for (int head = 0; head < tensor.size(1); head++) {
        for (int token = 0; token < tensor.size(2); token++) {
          boolean special = values == Values.SPECIAL && random.nextInt(20) == 0;
          for (int d = 0; d < tensor.size(3); d++) {
            float x = values == Values.TIES ? random.nextInt(3) - 1 : (float) random.nextGaussian();
            if (special && random.nextInt(4) == 0) {
              x = SPECIAL[random.nextInt(SPECIAL.length)];
            }
            tensor.setFloatAt(tensor.offset(row, head, token, d), x);
          }
        }
      }
    }
  }

  /** A poisoned result tensor. */
  Tensor result(DType dtype, long... shape) {
    long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return Tensor.of(dtype, buffer(dtype.bytes(elements)), shape);
  }

  /** An I32 tensor of one dimension. */
  Tensor ints(int... values) {
    Tensor tensor = result(DType.I32, values.length);
    for (int i = 0; i < values.length; i++) {
      tensor.setIntegerAt(tensor.offset(i), values[i]);
    }
    return tensor;
  }

  /** An I32 tensor of two dimensions. */
  Tensor ints(int[][] values) {
    Tensor tensor = result(DType.I32, values.length, values.length == 0 ? 0 : values[0].length);
    for (int i = 0; i < values.length; i++) {
      for (int j = 0; j < values[i].length; j++) {
        tensor.setIntegerAt(tensor.offset(i, j), values[i][j]);
      }
    }
    return tensor;
  }

  /** Empty lists over pages in random order: enough of them for {@code tokens} tokens a list. */
  PagedKv empty(PageLayout layout, int rows, int lists, int tokens) {
    int pagesOfList = layout.pagesFor(tokens);
    int pages = rows * lists * pagesOfList + 2;
    List<Integer> ids = new ArrayList<>();
    for (int page = 0; page < pages; page++) {
      ids.add(page);
    }
    Collections.shuffle(ids, random);
    Tensor table = result(DType.I32, rows, lists, pagesOfList);
    int next = 0;
    for (int row = 0; row < rows; row++) {
      for (int list = 0; list < lists; list++) {
        for (int i = 0; i < pagesOfList; i++) {
          table.setIntegerAt(table.offset(row, list, i), ids.get(next++));
        }
      }
    }
    Buffer slab = buffer(layout.pageBytes() * pages);
    return new PagedKv(layout, slab, pages, table, ints(new int[rows][lists]));
  }

  /**
   * Lists of random tokens with the given lengths [rows][lists]; unused table entries are poison.
   */
  PagedKv filled(PageLayout layout, int[][] lengths) {
    int rows = lengths.length;
    int lists = lengths[0].length;
    int most = Arrays.stream(lengths).flatMapToInt(Arrays::stream).max().orElse(0);
    PagedKv pages = empty(layout, rows, lists, most);
    if (most > 0) {
      DType exact = layout.dtype().isFloat() ? layout.dtype() : DType.F32;
      Tensor k = heads(exact, false, rows, pages.heads(), most, layout.headDim());
      Tensor v = heads(exact, false, rows, pages.heads(), most, layout.headDim());
      Backends.named("scalar").kernels().append(new Append(new NewTokens(k, v), pages));
    }
    for (int row = 0; row < rows; row++) {
      for (int list = 0; list < lists; list++) {
        pages.lengths().setIntegerAt(pages.lengths().offset(row, list), lengths[row][list]);
        int used = layout.pagesFor(lengths[row][list]);
        for (int i = used; i < pages.table().size(2); i++) {
          pages.table().setIntegerAt(pages.table().offset(row, list, i), -1);
        }
      }
    }
    return pages;
  }
}
