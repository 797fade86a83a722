package io.github.trimtab.cuda;

/**
 * There is too little free memory on a device, or on the host to lock; nothing was allocated, and
 * all that was there works on.
 */
public final class DeviceMemoryException extends CudaException {
  private static final long serialVersionUID = 1;

  DeviceMemoryException(String message, int code) {
    super(message, code);
  }
}
