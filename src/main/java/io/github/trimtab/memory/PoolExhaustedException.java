package io.github.trimtab.memory;

/** More pages were asked for than a pool has free; nothing was taken. */
public final class PoolExhaustedException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  PoolExhaustedException(int wanted, int free, int capacity) {
    super("pages: " + wanted + " wanted, " + free + " of " + capacity + " free");
  }
}
