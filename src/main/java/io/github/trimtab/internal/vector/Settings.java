package io.github.trimtab.internal.vector;

import jdk.incubator.vector.FloatVector;

/**
 * What system properties choose. Read by {@link VectorKernels} before any class that depends on it
 * is initialised, so that a bad value is an ordinary exception.
 */
final class Settings {
  static final String BITS_PROPERTY = "trimtab.vector.bits";
  static final String THREADS_PROPERTY = "trimtab.threads";

  private Settings() {}

  /** Bits of a vector: 128, 256 or 512; as wide as the machine has them unless chosen. */
  static int bits() {
    String chosen = System.getProperty(BITS_PROPERTY);
    if (chosen == null) {
      return Math.clamp(FloatVector.SPECIES_PREFERRED.vectorBitSize(), 128, 512);
    }
    return switch (chosen) {
      case "128" -> 128;
      case "256" -> 256;
      case "512" -> 512;
      default ->
          throw new IllegalArgumentException(
              BITS_PROPERTY + ": " + chosen + ", expected 128, 256 or 512");
    };
  }

  /** Threads an operation may use, its caller included. */
  static int threads() {
    String chosen = System.getProperty(THREADS_PROPERTY);
    if (chosen == null) {
      return Runtime.getRuntime().availableProcessors();
    }
    int threads;
    try {
      threads = Integer.parseInt(chosen);
    } catch (NumberFormatException e) {
      threads = 0;
    }
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException(
          THREADS_PROPERTY + ": " + chosen + ", expected a whole number from 1 to 1024");
    }
    return threads;
  }
}
