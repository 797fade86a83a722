package io.github.trimtab.speculative;

/** One way of drafting and verifying. */
interface Round {
  /** Drafts into an empty tree. */
  void draft(DraftTree tree);

  /**
   * Decides what becomes text; the target has stepped over the tree.
   *
   * @param path result: accepted nodes from the top down
   * @param emitted result: their tokens and one more
   * @return how many nodes were accepted
   */
  int verify(DraftTree tree, int[] path, int[] emitted);
}
