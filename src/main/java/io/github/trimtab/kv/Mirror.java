package io.github.trimtab.kv;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;

/**
 * Zeroed integers that host code writes and the operations of a place read: one memory where they
 * run on the host, two on a device.
 */
final class Mirror implements AutoCloseable {
  private final Memory memory;
  private final Tensor host;
  private final Tensor operand;

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
    if (operand != host) {
      memory.upload(host.segment().asSlice(from, to - from), operand.buffer(), from);
    }
  }

  @Override
  public void close() {
    operand.buffer().close();
    host.buffer().close();
  }
}
