package io.github.trimtab.kv;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;

/** Host memory that operations write between their steps; grows to the largest use and stays. */
final class Scratch implements AutoCloseable {
  private Buffer buffer = Buffer.allocate(0);

  /** A contiguous tensor over the memory; what an earlier one held is lost. */
  Tensor tensor(DType dtype, long... shape) {
    long bytes = dtype.bits() / 8;
    for (long size : shape) {
      bytes = Math.multiplyExact(bytes, size);
    }
    if (bytes > buffer.byteSize()) {
      Buffer larger = Buffer.allocate(bytes);
      buffer.close();
      buffer = larger;
    }
    return Tensor.of(dtype, buffer, shape);
  }

  long byteSize() {
    return buffer.byteSize();
  }

  @Override
  public void close() {
    buffer.close();
  }
}
