package io.github.trimtab.internal.cuda;

import io.github.trimtab.memory.Buffer;

/** Where an operation's buffers lie on the device. */
@FunctionalInterface
public interface Addresses {
  /**
   * The device address of a buffer's first byte.
   *
   * @param written whether the operation writes to the buffer
   */
  long of(Buffer buffer, boolean written);

  /** The operation's own device memory. */
  static Addresses own() {
    return (buffer, written) -> buffer.deviceAddress();
  }
}
