package io.github.trimtab.engine.llama;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;

/** Vectors that a target's head reads, of tokens in order, for a drafter that builds on them. */
public final class Features implements AutoCloseable {

  private static final int FIRST_ROOM = 64;

  private final Memory memory;
  private final long bytes;
  private Buffer values;
  private int first;
  private int count;

  Features(Memory memory, int width) {
    this.memory = memory;
    bytes = (long) width * Float.BYTES;
    values = memory.allocate(FIRST_ROOM * bytes);
  }

  int count() {
    return count;
  }

  /** Adds rows of a tensor [n, d] whose rows lie one after the other. */
  void add(Tensor from, int row, int rows) {
    if ((first + count + rows) * bytes > values.byteSize()) {
      Buffer larger = memory.allocate(2L * (count + rows) * bytes);
      copy(0, count, larger);
      values.close();
      values = larger;
      first = 0;
    }
    long to = (first + count) * bytes;
    memory.copy(from.buffer(), from.offset(row), values, to, rows * bytes);
    count += rows;
  }

  void copy(int index, int rows, Buffer to) {
    memory.copy(values, (first + index) * bytes, to, 0, rows * bytes);
  }

  /** Forgets the oldest. */
  void drop(int oldest) {
    count -= oldest;
    first = count == 0 ? 0 : first + oldest;
  }

  @Override
  public void close() {
    values.close();
  }
}
