package io.github.trimtab.cuda;

/** CUDA refused a call, or work on the device failed; the message names both. */
public class CudaException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  private final int code;

  CudaException(String message, int code) {
    super(message);
    this.code = code;
  }

  /** The number of CUDA's error, 0 where it has none. */
  public int code() {
    return code;
  }
}
