package io.github.trimtab.scalekv;

import java.util.Arrays;

/**
 * The maps that a visual autoregressive model draws, one a scale, from coarse to fine.
 *
 * <p>Scales count from 0 here; the scale <em>numbers</em> of budget tables and of the paper count
 * from 1. Immutable.
 */
public final class Schedule {
  /** VAR at 256 px: sides 1, 2, 3, 4, 5, 6, 8, 10, 13, 16; 680 tokens. */
  public static final Schedule VAR_256 = ofSides(1, 2, 3, 4, 5, 6, 8, 10, 13, 16);

  /** VAR at 512 px: sides 1, 2, 3, 4, 6, 9, 13, 18, 24, 32; 2240 tokens. */
  public static final Schedule VAR_512 = ofSides(1, 2, 3, 4, 6, 9, 13, 18, 24, 32);

  /**
   * Infinity at 1024 px, "1M": sides 1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64; 10521 tokens.
   * {@link InfinitySchedules} has its other shapes.
   */
  public static final Schedule INFINITY_1M = ofSides(1, 2, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64);

  private final int[] heights;
  private final int[] widths;
  private final int[] cumulative;

  private Schedule(int[] heights, int[] widths) {
    this.heights = heights;
    this.widths = widths;
    this.cumulative = new int[heights.length];
    if (heights.length == 0) {
      throw new IllegalArgumentException("schedule: no scale, expected 1 or more");
    }
    long tokens = 0;
    for (int scale = 0; scale < heights.length; scale++) {
      if (heights[scale] < 1 || widths[scale] < 1) {
        throw new IllegalArgumentException(
            "scale "
                + scale
                + ": "
                + heights[scale]
                + " x "
                + widths[scale]
                + ", expected sides of 1 or more");
      }
      tokens += (long) heights[scale] * widths[scale];
      if (tokens > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            "scale " + scale + ": " + tokens + " tokens so far, expected fewer than 2^31");
      }
      cumulative[scale] = (int) tokens;
    }
  }

  /** Square maps of these sides. */
  public static Schedule ofSides(int... sides) {
    return new Schedule(sides.clone(), sides.clone());
  }

  /** Maps of these heights and widths. */
  public static Schedule ofGrids(int[] heights, int[] widths) {
    if (heights.length != widths.length) {
      throw new IllegalArgumentException(
          "widths: " + widths.length + ", expected one for each of " + heights.length + " heights");
    }
    return new Schedule(heights.clone(), widths.clone());
  }

  /**
   * Maps known by their tokens only; they count as one row each, so they have no observation grid.
   */
  public static Schedule ofTokens(int... tokens) {
    int[] heights = new int[tokens.length];
    Arrays.fill(heights, 1);
    return new Schedule(heights, tokens.clone());
  }

  /**
   * The first maps of this schedule, as Infinity's smaller pictures have them: "0.06M" are the
   * first 7, "0.25M" 10 and "0.60M" 12 of "1M".
   *
   * @param scales 1 or more
   */
  public Schedule first(int scales) {
    if (scales < 1 || scales > scales()) {
      throw new IllegalArgumentException("scales: " + scales + ", expected 1.." + scales());
    }
    return new Schedule(Arrays.copyOf(heights, scales), Arrays.copyOf(widths, scales));
  }

  /** The same maps with height and width exchanged. */
  public Schedule transposed() {
    return new Schedule(widths, heights);
  }

  /** Number of scales. */
  public int scales() {
    return heights.length;
  }

  /** Height of the map of a scale. */
  public int height(int scale) {
    return heights[check(scale)];
  }

  /** Width of the map of a scale. */
  public int width(int scale) {
    return widths[check(scale)];
  }

  /** Tokens of the map of a scale. */
  public int tokens(int scale) {
    return heights[check(scale)] * widths[scale];
  }

  /** Tokens of the map of every scale. */
  public int[] tokens() {
    int[] tokens = new int[scales()];
    Arrays.setAll(tokens, this::tokens);
    return tokens;
  }

  /**
   * Tokens of all maps before a scale: the history that it sees; 0 to {@link #scales} as argument.
   */
  public int history(int scale) {
    return scale == 0 ? 0 : cumulative[check(scale - 1)];
  }

  /** Tokens of all maps. */
  public int totalTokens() {
    return cumulative[scales() - 1];
  }

  private int check(int scale) {
    if (scale < 0 || scale >= heights.length) {
      throw new IllegalArgumentException(
          "scale: " + scale + ", expected 0.." + (heights.length - 1));
    }
    return scale;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Schedule that
        && Arrays.equals(heights, that.heights)
        && Arrays.equals(widths, that.widths);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(heights) + Arrays.hashCode(widths);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("Schedule[");
    for (int scale = 0; scale < scales(); scale++) {
      text.append(scale == 0 ? "" : ", ").append(heights[scale]).append('x').append(widths[scale]);
    }
    return text.append(']').toString();
  }
}
