package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.NewTokens;
import java.util.List;

/** Puts tokens that have run into all layers of a cache. */
@FunctionalInterface
interface Appends extends AutoCloseable {

  /**
   * Writes new tokens behind those that every layer holds.
   *
   * @param fresh of each layer, in the memory of earlier calls with as many tokens
   */
  void append(List<NewTokens> fresh);

  @Override
  default void close() {}
}
