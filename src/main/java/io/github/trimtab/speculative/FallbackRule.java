package io.github.trimtab.speculative;

/**
 * When drafting leaves a head that is accepted too rarely, and when it comes back.
 *
 * @param window draft passes over which acceptance is averaged, 1 or more
 * @param leave acceptance below which a trimmed head is left once the window is full, in [0, 1]
 * @param enter acceptance from which on a probed head is taken; at least {@code leave}, so that a
 *     head does not come and go
 * @param probeEvery rounds on the full head between two probes of a trimmed one, 1 or more
 * @param probe draft passes of a probe, 1 or more
 */
public record FallbackRule(int window, double leave, double enter, int probeEvery, int probe) {
  /** Checks the ranges. */
  public FallbackRule {
    require(window >= 1, "window", window, "1 or more");
    require(leave >= 0 && leave <= 1, "leave", leave, "a share in [0, 1]");
    require(enter >= leave && enter <= 1, "enter", enter, "a share in [" + leave + ", 1]");
    require(probeEvery >= 1, "probeEvery", probeEvery, "1 or more");
    require(probe >= 1, "probe", probe, "1 or more");
  }

  private static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(name + ": " + value + ", expected " + expected);
    }
  }
}
