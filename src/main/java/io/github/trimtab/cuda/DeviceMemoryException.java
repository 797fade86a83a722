package io.github.trimtab.cuda;

/** A device has too little free memory; nothing was allocated, and all that was there works on. */
public final class DeviceMemoryException extends CudaException {
  private static final long serialVersionUID = 1;

  DeviceMemoryException(String message, int code) {
    super(message, code);
  }
}
