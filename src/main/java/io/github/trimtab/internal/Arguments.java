package io.github.trimtab.internal;

/** What every package says of an argument that it refuses. */
public final class Arguments {
  private Arguments() {}

  /**
   * Refuses an argument that does not hold.
   *
   * @param name of the argument, as its method's documentation has it
   * @param value that it has
   * @param expected completes "name: value, expected"
   * @throws IllegalArgumentException unless {@code holds}
   */
  public static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(name + ": " + value + ", expected " + expected);
    }
  }
}
