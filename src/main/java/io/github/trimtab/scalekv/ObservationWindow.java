package io.github.trimtab.scalekv;

/**
 * The tokens of a map whose queries judge all others, and which stay themselves: the centres of a
 * grid of patches (ScaleKV, section 3.2; positions as in the released code).
 *
 * @param rows patches along the map's height, 1 or more
 * @param columns patches along the map's width, 1 or more
 */
public record ObservationWindow(int rows, int columns) implements Observation {
  /** The published window: 16 tokens. */
  public static final ObservationWindow GRID_4 = new ObservationWindow(4, 4);

  /** Checks both counts. */
  public ObservationWindow {
    if (rows < 1 || columns < 1 || (long) rows * columns > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "rows, columns: " + rows + ", " + columns + ", expected 1 or more each");
    }
  }

  /** Most tokens of a window. */
  public int size() {
    return rows * columns;
  }

  /**
   * Positions in a row-major map, ascending. A map with a side shorter than the grid gives its last
   * {@link #size} positions, or all that it has.
   *
   * @param height of the map, 1 or more
   * @param width of the map, 1 or more
   */
  public int[] positions(int height, int width) {
    if (height < 1 || width < 1) {
      throw new IllegalArgumentException(
          "height, width: " + height + ", " + width + ", expected 1 or more each");
    }
    if (height < rows || width < columns) {
      return Observation.last(size()).queries(height, width);
    }
    int[] positions = new int[size()];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        positions[row * columns + column] =
            centre(row, height / rows) * width + centre(column, width / columns);
      }
    }
    return positions;
  }

  @Override
  public int[] queries(int height, int width) {
    return positions(height, width);
  }

  @Override
  public int[] kept(int height, int width) {
    return positions(height, width);
  }

  private static int centre(int patch, int side) {
    return patch * side + (side - 1) / 2;
  }
}
