package io.github.trimtab.speculative;

/**
 * When drafting leaves a trimmed head, and when it comes back.
 *
 * @param breakEven share of the full head's tokens a round from which on a trimmed head is used, in
 *     (0, 1]: {@link SpeedUp#breakEven}, of costs in weights or in seconds
 * @param window tokens of the text that count, the latest the most, 1 or more
 */
public record FallbackRule(double breakEven, int window) {
  /** Checks the ranges. */
  public FallbackRule {
    if (!(breakEven > 0 && breakEven <= 1)) {
      throw new IllegalArgumentException(
          "breakEven: " + breakEven + ", expected a share in (0, 1]");
    }
    if (window < 1) {
      throw new IllegalArgumentException("window: " + window + ", expected 1 or more");
    }
  }
}
