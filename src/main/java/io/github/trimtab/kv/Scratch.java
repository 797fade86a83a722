package io.github.trimtab.kv;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** Memory that operations use between their steps; grows to the largest use and stays. */
final class Scratch implements AutoCloseable {
  private final Memory memory;
  private Buffer buffer;

  Scratch(Memory memory) {
    this.memory = memory;
    this.buffer = memory.allocate(0);
  }

  /** A contiguous tensor over the memory; what an earlier one held is lost. */
  Tensor tensor(DType dtype, long... shape) {
    long bytes = dtype.bits() / 8;
    for (long size : shape) {
      bytes = Math.multiplyExact(bytes, size);
    }
    if (bytes > buffer.byteSize()) {
      Buffer larger = memory.allocate(bytes);
      buffer.close();
      buffer = larger;
    }
    return Tensor.of(dtype, buffer, shape);
  }

  /** Integers of a host array, as a tensor of that shape. */
  Tensor integers(int[] values, long... shape) {
    Tensor tensor = tensor(DType.I32, shape);
    memory.upload(MemorySegment.ofArray(values), tensor.buffer(), 0);
    return tensor;
  }

  long byteSize() {
    return buffer.byteSize();
  }

  @Override
  public void close() {
    buffer.close();
  }
}
