package io.github.trimtab.speculative;

/**
 * What speculation gains where time goes by parameters read: the memory-bound speed-up of VocabTrim
 * (Goel et al. 2025).
 */
public final class SpeedUp {
  private SpeedUp() {}

  /**
   * MBSU = tau / (c gamma + 1).
   *
   * @param tau block efficiency, tokens a round
   * @param costRatio c: parameters of a draft pass divided by the target's
   * @param gamma draft passes of a round
   */
  public static double memoryBound(double tau, double costRatio, double gamma) {
    return tau / (costRatio * gamma + 1);
  }

  /**
   * The share of the full head's block efficiency from which on a trimmed head is faster.
   *
   * @param fullCost c with the full head
   * @param trimmedCost c with the trimmed head
   * @param gamma draft passes of a round
   */
  public static double breakEven(double fullCost, double trimmedCost, double gamma) {
    return (trimmedCost * gamma + 1) / (fullCost * gamma + 1);
  }
}
