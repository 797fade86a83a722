package io.github.trimtab.kv;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Zeroed integers that host code writes and the operations of a place read: one memory where they
 * run on the host, two on a device.
 */
final class Mirror implements AutoCloseable {
  private final Memory memory;
  private final Tensor host;
  private final Tensor operand;
  // What the operations of a planned step shall see; made by the first one.
  private Buffer staged = Buffer.allocate(0);
  private boolean staging;
  private boolean held;

  Mirror(Memory memory, long integers) {
    this.memory = memory;
    this.host = Tensor.allocate(DType.I32, integers);
    try {
      this.operand =
          memory.place().isHost()
              ? host
              : Tensor.of(DType.I32, memory.allocate(host.buffer().byteSize()), integers);
    } catch (RuntimeException | Error e) {
      host.buffer().close();
      throw e;
    }
  }

  /** What host code writes. */
  Tensor host() {
    return host;
  }

  /** What operations read. */
  Tensor operand() {
    return operand;
  }

  /** Lets operations see bytes {@code [from, to)} as host code wrote them. */
  void upload(long from, long to) {
    if (staging) {
      MemorySegment.copy(host.segment(), from, staged.segment(), from, to - from);
    } else if (operand != host) {
      memory.upload(host.segment().asSlice(from, to - from), operand.buffer(), from);
    }
  }

  /** Gathers: the integers as they are, and what is uploaded until {@link #uploadStaged}. */
  void stage() {
    if (staged.byteSize() < host.buffer().byteSize()) {
      staged.close();
      staged = Buffer.allocate(host.buffer().byteSize());
    }
    staged.segment().copyFrom(host.segment());
    staging = true;
  }

  /** Lets operations see what was gathered, and nothing later until {@link #settle}. */
  void uploadStaged() {
    memory.upload(staged.segment(), operand.buffer(), 0);
    staging = false;
    held = true;
  }

  /** Whether operations see what was staged, and go on to until {@link #settle}. */
  boolean isHeld() {
    return held;
  }

  /** Ends a step, planned or given up. */
  void settle() {
    staging = false;
    held = false;
  }

  @Override
  public void close() {
    operand.buffer().close();
    host.buffer().close();
    staged.close();
  }
}
