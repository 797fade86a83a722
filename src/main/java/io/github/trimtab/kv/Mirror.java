package io.github.trimtab.kv;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Zeroed integers that host code writes and the operations of a place read: one memory where they
 * run on the host, two on a device.
 */
final class Mirror implements AutoCloseable {
  private final Memory memory;
  private final Tensor host;
  private final Tensor operand;
  // While a step is planned, what its operations shall see.
  private @Nullable MemorySegment staged;
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
    if (staged != null) {
      MemorySegment.copy(host.segment(), from, staged, from, to - from);
    } else if (operand != host) {
      memory.upload(host.segment().asSlice(from, to - from), operand.buffer(), from);
    }
  }

  /** Gathers: the integers as they are, and what is uploaded until {@link #uploadStaged}. */
  void stage() {
    staged = MemorySegment.ofArray(host.segment().toArray(ValueLayout.JAVA_BYTE));
  }

  /** Lets operations see what was gathered, and nothing later until {@link #settle}. */
  void uploadStaged() {
    memory.upload(Objects.requireNonNull(staged), operand.buffer(), 0);
    staged = null;
    held = true;
  }

  /** Whether operations see what was staged, and go on to until {@link #settle}. */
  boolean isHeld() {
    return held;
  }

  /** Ends a step, planned or given up. */
  void settle() {
    staged = null;
    held = false;
  }

  @Override
  public void close() {
    operand.buffer().close();
    host.buffer().close();
  }
}
