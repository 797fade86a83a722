package io.github.trimtab.speculative;

/** Which head drafts the next round: always the same one, or a choice by what was accepted. */
public interface DraftHeads {
  /** Begins a text: forgets what was observed of another. */
  void begin(int[] prompt);

  /** The head of the round that begins. */
  DraftHead next();

  /**
   * Reports the round that ended.
   *
   * @param drafted draft passes, of a tree its levels
   * @param emitted what became text: the accepted drafts and the token behind them; more room may
   *     follow
   * @param accepted how many drafts
   */
  void observed(int drafted, int[] emitted, int accepted);

  /** Always one head. */
  static DraftHeads always(DraftHead head) {
    return new DraftHeads() {
      @Override
      public void begin(int[] prompt) {}

      @Override
      public DraftHead next() {
        return head;
      }

      @Override
      public void observed(int drafted, int[] emitted, int accepted) {}
    };
  }
}
