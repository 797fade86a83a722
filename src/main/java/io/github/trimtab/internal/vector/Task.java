package io.github.trimtab.internal.vector;

/**
 * One of the numbered tasks of an operation's phase; tasks write apart from each other. The
 * operation is handed through, so that a task is a method reference without state.
 */
@FunctionalInterface
interface Task<T> {
  /**
   * Runs a task.
   *
   * @param op the operation
   * @param index which task
   * @param shared what the caller prepared, to read
   * @param own scratch of the running thread
   */
  void run(T op, int index, Workspace shared, Workspace own);
}
