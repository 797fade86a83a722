package io.github.trimtab.engine.math;

import java.lang.foreign.MemorySegment;

/**
 * Rotary position embedding of places of a grid, in neighbouring pairs of elements: the first half
 * of a head turns by the place's row, the second by its column (as the Infinity models do).
 *
 * <p>Pair m of a half turns by coordinate x base^(-m / pairs of a half). Angles are computed in
 * double and rounded once. Immutable, any thread.
 */
public final class GridRotary {

  private final int pairs;
  private final float[] cosines;
  private final float[] sines;

  /**
   * Tabulates angles.
   *
   * @param headDim elements of a head, a multiple of 4
   * @param base 10000 in the models
   * @param coordinates how many rows or columns, from 0
   */
  public GridRotary(int headDim, double base, int coordinates) {
    pairs = headDim / 4;
    cosines = new float[Math.multiplyExact(coordinates, pairs)];
    sines = new float[cosines.length];
    for (int i = 0; i < cosines.length; i++) {
      int coordinate = i / pairs;
      int pair = i % pairs;
      double angle = coordinate * Math.pow(base, -(double) pair / pairs);
      cosines[i] = (float) Math.cos(angle);
      sines[i] = (float) Math.sin(angle);
    }
  }

  /**
   * The coordinate on the last grid of a place on an earlier one, so that a place of the picture
   * turns alike at every scale.
   *
   * @param place 0-based row or column
   * @param side rows or columns of its grid
   * @param lastSide rows or columns of the last grid
   */
  public static int coordinate(int place, int side, int lastSide) {
    return (int) Math.rint((double) place * lastSide / side);
  }

  /** Turns the head that lies in {@code x} from float {@code at} on. */
  public void apply(int row, int column, MemorySegment x, long at) {
    turn(row, x, at);
    turn(column, x, at + 2L * pairs);
  }

  private void turn(int coordinate, MemorySegment x, long at) {
    int angle = coordinate * pairs;
    for (int m = 0; m < pairs; m++) {
      long first = at + 2L * m;
      float a = Lanes.get(x, first);
      float b = Lanes.get(x, first + 1);
      float cos = cosines[angle + m];
      float sin = sines[angle + m];
      Lanes.set(x, first, a * cos - b * sin);
      Lanes.set(x, first + 1, a * sin + b * cos);
    }
  }
}
