package io.github.trimtab.kv;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Memory that operations use between their steps; grows to the largest use and stays. */
final class Scratch implements AutoCloseable {
  private final Memory memory;
  private final List<Buffer> outgrown = new ArrayList<>();
  private Buffer buffer;
  private boolean planned;
  // While operations are planned, the bytes that those before will read.
  private long used;

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
    return Tensor.of(dtype, atLeast(bytes), shape);
  }

  private Buffer atLeast(long bytes) {
    if (bytes > buffer.byteSize()) {
      Buffer larger = memory.allocate(bytes);
      outgrown.add(buffer);
      buffer = larger;
      if (!planned) {
        closeOutgrown();
      }
    }
    return buffer;
  }

  /** Whether operations still have to run when the memory grows. */
  void planned(boolean value) {
    planned = value;
    used = 0;
    if (!planned) {
      closeOutgrown();
    }
  }

  private void closeOutgrown() {
    outgrown.forEach(Buffer::close);
    outgrown.clear();
  }

  /** A host tensor as operations read it: itself on the host, a copy in this memory elsewhere. */
  Tensor operand(Tensor host) {
    if (memory.place().isHost()) {
      return host;
    }
    Tensor tensor = tensor(host.dtype(), host.shape());
    memory.upload(host.segment(), tensor.buffer(), 0);
    return tensor;
  }

  /** Uploads the integers of several tensors together, the values of each in row-major order. */
  Tensor[] integers(Integers... parts) {
    int[] all = new int[Arrays.stream(parts).mapToInt(part -> part.values.length).sum()];
    long bytes = (long) all.length * Integer.BYTES;
    Buffer to = atLeast(used + bytes);
    Tensor[] tensors = new Tensor[parts.length];
    int next = 0;
    for (int i = 0; i < parts.length; i++) {
      int[] values = parts[i].values;
      System.arraycopy(values, 0, all, next, values.length);
      tensors[i] = Tensor.at(used + (long) next * Integer.BYTES, DType.I32, to, parts[i].shape);
      next += values.length;
    }
    memory.upload(MemorySegment.ofArray(all), to, used);
    if (planned) {
      used += bytes;
    }
    return tensors;
  }

  /** What a tensor of integers shall hold. */
  static final class Integers {
    private final int[] values;
    private final long[] shape;

    Integers(int[] values, long... shape) {
      this.values = values;
      this.shape = shape;
    }
  }

  long byteSize() {
    return buffer.byteSize();
  }

  @Override
  public void close() {
    closeOutgrown();
    buffer.close();
  }
}
