package io.github.trimtab.memory;

/**
 * A contiguous tensor that host code and the operations of a place both use: one memory where they
 * run on the host, two on a device, which {@link #upload} and {@link #download} make equal.
 *
 * <p>Threads: one at a time.
 */
public final class Mirror implements AutoCloseable {
  private final Memory memory;
  private final Tensor host;
  private final Tensor operand;
  private final boolean ownsHost;

  private Mirror(Memory memory, Tensor host, boolean ownsHost) {
    this.memory = memory;
    this.host = host;
    this.ownsHost = ownsHost;
    this.operand =
        memory.place().isHost()
            ? host
            : Tensor.of(host.dtype(), memory.allocate(host.buffer().byteSize()), host.shape());
  }

  /** A zeroed tensor. */
  public static Mirror of(Memory memory, DType dtype, long... shape) {
    Tensor host = Tensor.allocate(dtype, shape);
    try {
      return new Mirror(memory, host, true);
    } catch (RuntimeException | Error e) {
      host.buffer().close();
      throw e;
    }
  }

  /** The caller's tensor, which fills a buffer of the host and stays the caller's. */
  public static Mirror of(Memory memory, Tensor host) {
    Mirror mirror = new Mirror(memory, host, false);
    try {
      mirror.upload();
    } catch (RuntimeException | Error e) {
      mirror.close();
      throw e;
    }
    return mirror;
  }

  /** What host code reads and writes. */
  public Tensor host() {
    return host;
  }

  /** What operations read and write. */
  public Tensor operand() {
    return operand;
  }

  /** Lets operations see what host code wrote. */
  public void upload() {
    upload(0, host.buffer().byteSize());
  }

  /** The same of bytes {@code [from, to)} alone. */
  public void upload(long from, long to) {
    if (operand != host) {
      memory.upload(host.segment().asSlice(from, to - from), operand.buffer(), from);
    }
  }

  /** Lets host code see what operations wrote; waits for them. */
  public void download() {
    if (operand != host) {
      memory.download(operand.buffer(), 0, host.segment());
    }
  }

  /** Frees the memory that is not the caller's; harmless when already closed. */
  @Override
  public void close() {
    if (operand != host) {
      operand.buffer().close();
    }
    if (ownsHost) {
      host.buffer().close();
    }
  }
}
