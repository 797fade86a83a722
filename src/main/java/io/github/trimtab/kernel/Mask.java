package io.github.trimtab.kernel;

/** Which keys a query sees. */
public enum Mask {
  /** Every query sees every key. */
  NONE,
  /** A query sees the keys up to its own position. */
  CAUSAL,
  /** A query sees all history, itself and its ancestors among the new tokens (attention only). */
  TREE
}
