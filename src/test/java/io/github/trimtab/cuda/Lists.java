package io.github.trimtab.cuda;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** One list of pages and new tokens for it, in the memory of some place. */
final class Lists implements AutoCloseable {
  /** New tokens of a step. */
  static final int TOKENS = 3;

  private static final int DIM = 8;
  private static final PageLayout LAYOUT = new PageLayout(DType.F32, 16, 1, DIM);

  private final Memory memory;
  private final Buffer slab;
  private final Buffer table;
  private final Buffer lengths;
  private final Buffer fresh;

  Lists(Memory memory) {
    this.memory = memory;
    slab = memory.allocate(LAYOUT.pageBytes());
    table = memory.allocate(Integer.BYTES);
    lengths = memory.allocate(Integer.BYTES);
    fresh = memory.allocate((long) TOKENS * DIM * Float.BYTES);
  }

  Append append() {
    return append(fresh);
  }

  /** The same with new tokens elsewhere. */
  Append append(Buffer tokens) {
    Tensor k = Tensor.of(DType.F32, tokens, 1, 1, TOKENS, DIM);
    return new Append(
        new NewTokens(k, k),
        new PagedKv(
            LAYOUT,
            slab,
            1,
            Tensor.of(DType.I32, table, 1, 1, 1),
            Tensor.of(DType.I32, lengths, 1, 1)));
  }

  /** New tokens whose elements tell step and place. */
  void setFresh(int step) {
    memory.upload(MemorySegment.ofArray(expectedKeys(step)), fresh, 0);
  }

  void setPage(int index, int page) {
    memory.upload(MemorySegment.ofArray(new int[] {page}), table, (long) index * Integer.BYTES);
  }

  void setLength(int length) {
    memory.upload(MemorySegment.ofArray(new int[] {length}), lengths, 0);
  }

  int length() {
    int[] length = new int[1];
    memory.download(lengths, 0, MemorySegment.ofArray(length));
    return length[0];
  }

  /** The keys that the list holds. */
  float[] keys() {
    float[] keys = new float[length() * DIM];
    memory.download(slab, LAYOUT.keys(0), MemorySegment.ofArray(keys));
    return keys;
  }

  static float[] expectedKeys(int... steps) {
    float[] keys = new float[steps.length * TOKENS * DIM];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = 1000 * steps[i / (TOKENS * DIM)] + i % (TOKENS * DIM);
    }
    return keys;
  }

  @Override
  public void close() {
    slab.close();
    table.close();
    lengths.close();
    fresh.close();
  }
}
