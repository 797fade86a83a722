package io.github.trimtab.speculative;

/** Which head drafts the next round: always the same one, or a choice by what was accepted. */
public interface DraftHeads {
  /** The head of the round that begins. */
  DraftHead next();

  /**
   * Reports the round that ended.
   *
   * @param drafted draft passes, of a tree its levels
   * @param accepted drafted tokens that became text
   */
  void observed(int drafted, int accepted);

  /** Always one head. */
  static DraftHeads always(DraftHead head) {
    return new DraftHeads() {
      @Override
      public DraftHead next() {
        return head;
      }

      @Override
      public void observed(int drafted, int accepted) {}
    };
  }
}
