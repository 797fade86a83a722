package io.github.trimtab.engine.var;

/** Named weights, read as F32. */
interface Checkpoint {

  /** Whether there is a tensor of this name. */
  boolean has(String name);

  /**
   * The values of a tensor, row by row.
   *
   * @throws IllegalArgumentException naming the tensor, if it is missing or has another shape
   */
  float[] values(String name, long... shape);
}
