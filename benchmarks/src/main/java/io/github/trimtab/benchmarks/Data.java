package io.github.trimtab.benchmarks;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** Random tensors and pages of one measurement; closing it frees them all. */
final class Data implements AutoCloseable {
  private static final int BLOCK = 1 << 18;

  private final Kernels kernels;
  private final Random random = new Random(1);
  private final List<Buffer> buffers = new ArrayList<>();
  private final Map<DType, Tensor> blocks = new EnumMap<>(DType.class);

  /** Pages are filled by {@code kernels}. */
  Data(Kernels kernels) {
    this.kernels = kernels;
  }

  /** As many as it takes to be cold. */
  static <T> List<T> copies(int sets, Supplier<T> one) {
    return IntStream.range(0, sets).mapToObj(i -> one.get()).toList();
  }

  Tensor zeros(DType dtype, long... shape) {
    Tensor tensor = Tensor.allocate(dtype, shape);
    buffers.add(tensor.buffer());
    return tensor;
  }

  Tensor integers(int[] values, long... shape) {
    Tensor tensor = zeros(DType.I32, shape);
    tensor.segment().copyFrom(MemorySegment.ofArray(values));
    return tensor;
  }

  /** Normally distributed numbers: a block of them, repeated from another place each time. */
  Tensor random(DType dtype, long... shape) {
    Tensor tensor = zeros(dtype, shape);
    MemorySegment block = blocks.computeIfAbsent(dtype, this::block).segment();
    MemorySegment to = tensor.segment();
    long from = dtype.bytes(random.nextInt(BLOCK / 2));
    for (long at = 0; at < to.byteSize(); ) {
      long bytes = Math.min(block.byteSize() - from, to.byteSize() - at);
      MemorySegment.copy(block, from, to, at, bytes);
      at += bytes;
      from = 0;
    }
    return tensor;
  }

  private Tensor block(DType dtype) {
    Tensor block = zeros(dtype, BLOCK);
    for (int i = 0; i < BLOCK; i++) {
      block.setFloatAt(block.offset(i), (float) random.nextGaussian());
    }
    return block;
  }

  /** A matrix of the source's shape: its values where they are quantised, else random ones. */
  WeightRows weights(DType format, Tensor source) {
    int rows = (int) source.size(0);
    int columns = (int) source.size(1);
    if (format.isFloat()) {
      return WeightRows.of(random(format, rows, columns));
    }
    WeightRows weights =
        WeightRows.allocate(
            format,
            rows,
            columns,
            WeightRows.DEFAULT_GROUP,
            bytes -> {
              Buffer buffer = Buffer.allocate(bytes);
              buffers.add(buffer);
              return buffer;
            });
    kernels.quantize(new Quantize(source, weights));
    return weights;
  }

  NewTokens tokens(DType dtype, int rows, int heads, int count, int headDim) {
    return new NewTokens(
        random(dtype, rows, heads, count, headDim), random(dtype, rows, heads, count, headDim));
  }

  /** Empty lists, one a row, over pages in random order as in a pool that has been in use. */
  PagedKv emptyPages(PageLayout layout, int rows, int capacity) {
    int pages = layout.pagesFor(capacity);
    Buffer slab = Buffer.allocate(layout.pageBytes() * rows * pages);
    buffers.add(slab);
    int[] table = shuffled(rows * pages);
    return new PagedKv(
        layout, slab, rows * pages, integers(table, rows, 1, pages), zeros(DType.I32, rows, 1));
  }

  /** Pages that hold {@code tokens}. */
  PagedKv pages(DType dtype, int pageTokens, NewTokens tokens) {
    var layout = new PageLayout(dtype, pageTokens, tokens.heads(), tokens.headDim());
    PagedKv pages = emptyPages(layout, tokens.rows(), tokens.capacity());
    kernels.append(new Append(tokens, pages));
    return pages;
  }

  /** For each head its own ascending {@code chosen} of {@code tokens}. */
  Tensor chosen(int rows, int heads, int chosen, int tokens) {
    Supplier<IntStream> list = () -> Arrays.stream(shuffled(tokens)).limit(chosen).sorted();
    int[] values = IntStream.range(0, rows * heads).boxed().flatMapToInt(i -> list.get()).toArray();
    return integers(values, rows, heads, chosen);
  }

  private int[] shuffled(int count) {
    int[] values = IntStream.range(0, count).toArray();
    for (int i = count - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int value = values[i];
      values[i] = values[j];
      values[j] = value;
    }
    return values;
  }

  @Override
  public void close() {
    buffers.forEach(Buffer::close);
  }
}
