package io.github.trimtab.cuda;

/**
 * An earlier error destroyed the device's context; nothing on that device works again in this
 * process. The message names the operation at which the error appeared.
 */
public final class ContextLostException extends CudaException {
  private static final long serialVersionUID = 1;

  ContextLostException(String message, int code) {
    super(message, code);
  }
}
