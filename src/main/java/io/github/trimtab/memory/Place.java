package io.github.trimtab.memory;

/**
 * Where memory lives: the host, or one CUDA device.
 *
 * @param device -1 for the host, otherwise the device's ordinal
 */
public record Place(int device) {
  /** The host's memory, on or off the Java heap. */
  public static final Place HOST = new Place(-1);

  /** Refuses ordinals below -1. */
  public Place {
    if (device < -1) {
      throw new IllegalArgumentException(
          "device: " + device + ", expected an ordinal from 0, or -1 for the host");
    }
  }

  /** Device memory of the CUDA device {@code ordinal}. */
  public static Place cuda(int ordinal) {
    if (ordinal < 0) {
      throw new IllegalArgumentException("ordinal: " + ordinal + ", expected 0 or more");
    }
    return new Place(ordinal);
  }

  /** Whether this is the host. */
  public boolean isHost() {
    return device < 0;
  }

  @Override
  public String toString() {
    return isHost() ? "host" : "cuda:" + device;
  }
}
