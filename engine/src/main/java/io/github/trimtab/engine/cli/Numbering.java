package io.github.trimtab.engine.cli;

import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/**
 * Two ways to number a row's tokens: files count new tokens from N, the size of the history tensor,
 * whatever a row's length is; kernels count a row's valid tokens through.
 */
final class Numbering {
  private final Inputs inputs;
  private final int size;
  private final int[] history;
  private final int[] fresh;

  /** The numbering of a file's history k [R,G,N,D] and, if it has them, new tokens [R,G,M,D]. */
  Numbering(Inputs inputs) {
    this.inputs = inputs;
    size = inputs.size("N");
    history = inputs.lengths("lengths", size);
    fresh =
        inputs.has("k_new")
            ? inputs.lengths("new_lengths", inputs.size("M"))
            : new int[history.length];
  }

  /**
   * Window positions as kernels count them.
   *
   * @param window as files count, -1 for none; changed in place
   * @param capacity that must hold each row's positions
   */
  int[][] toKernel(int[][] window, int capacity) {
    for (int row = 0; row < window.length; row++) {
      for (int p = 0; p < window[row].length; p++) {
        window[row][p] = toKernel(row, p, window[row][p]);
      }
      long present = Arrays.stream(window[row]).filter(position -> position >= 0).count();
      if (capacity < present) {
        throw new BadInputException(
            "-s capacity", capacity, "at least the " + present + " window positions of row " + row);
      }
    }
    return window;
  }

  private int toKernel(int row, int place, int position) {
    if (position < size) {
      if (position >= history[row]) {
        throw inputs.bad("window", row, place, position, "a valid key, below " + history[row]);
      }
      return position;
    }
    if (position - size >= fresh[row]) {
      throw inputs.bad(
          "window", row, place, position, "a valid new token, below " + (size + fresh[row]));
    }
    return position - size + history[row];
  }

  /** Renumbers a kernel's indices [R,G,C], I32, in place as files count. */
  void toFile(Tensor indices) {
    for (int row = 0; row < history.length; row++) {
      for (int head = 0; head < indices.size(1); head++) {
        for (int i = 0; i < indices.size(2); i++) {
          long offset = indices.offset(row, head, i);
          long index = indices.integerAt(offset);
          if (index >= history[row]) {
            indices.setIntegerAt(offset, index - history[row] + size);
          }
        }
      }
    }
  }
}
