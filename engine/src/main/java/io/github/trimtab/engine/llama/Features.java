package io.github.trimtab.engine.llama;

import java.util.Arrays;

/** Vectors that a target's head reads, of tokens in order, for a drafter that builds on them. */
public final class Features {

  private final int width;
  private float[] values = {};
  private int count;

  Features(int width) {
    this.width = width;
  }

  int count() {
    return count;
  }

  void add(float[] from, int row) {
    if ((count + 1) * width > values.length) {
      values = Arrays.copyOf(values, Math.max(2 * values.length, 64 * width));
    }
    System.arraycopy(from, row * width, values, count * width, width);
    count++;
  }

  void copy(int index, float[] to, int at) {
    System.arraycopy(values, index * width, to, at, width);
  }

  /** Forgets the oldest. */
  void drop(int oldest) {
    System.arraycopy(values, oldest * width, values, 0, (count - oldest) * width);
    count -= oldest;
  }
}
