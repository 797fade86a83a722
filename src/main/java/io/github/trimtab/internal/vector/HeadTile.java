package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import jdk.incubator.vector.FloatVector;

/**
 * Canonical dot products of a panel of widened rows with several vectors, as a small matrix product
 * in registers.
 *
 * <p>The 32 lanes of a canonical dot product do not meet before its end. So a tile holds one vector
 * of them for {@link #ROWS} x {@link #VECTORS} pairs, runs over all elements of these lanes, and
 * comes back for the next lanes. Rows and vectors lie in the order in which a tile takes them:
 * [lanes][block of rows or vectors][unit of 32 elements][row or vector of the block].
 */
final class HeadTile {
  /** Rows of a block: 12 accumulators, 3 rows and a vector fill 16 registers. */
  static final int ROWS = 3;

  /** Vectors of a block. */
  static final int VECTORS = 4;

  private static final int LANES = Lanes.COUNT;
  private static final int SLICES = CanonicalMath.LANES / LANES;

  private HeadTile() {}

  /** Blocks of {@code width} that so many rows or vectors take. */
  static int blocks(int count, int width) {
    return (count + width - 1) / width;
  }

  /** Distance of the slices of {@code blocks} blocks of {@code width} rows or vectors. */
  static int slice(int blocks, int columns, int width) {
    return blocks * (columns / SLICES) * width;
  }

  /** Where the elements of one row or vector begin in its first slice. */
  static int start(int index, int columns, int width) {
    return index / width * (columns / SLICES) * width + index % width * LANES;
  }

  /** Puts vectors of {@code columns} elements into the order of tiles. */
  static void arrange(float[] vectors, int count, int columns, float[] to) {
    int slice = slice(blocks(count, VECTORS), columns, VECTORS);
    for (int v = 0; v < count; v++) {
      int at = start(v, columns, VECTORS);
      for (int i = 0; i < columns; i += LANES) {
        int place =
            at
                + i % CanonicalMath.LANES / LANES * slice
                + i / CanonicalMath.LANES * VECTORS * LANES;
        System.arraycopy(vectors, v * columns + i, to, place, LANES);
      }
    }
  }

  /** Floats that {@link #multiply} needs for a panel of so many rows. */
  static int room(int rows) {
    return SLICES * VECTORS * wholeGroups(rows) * LANES;
  }

  /**
   * {@code to[v * stride + r] = dot(row r, vector v)} for a panel and the vectors of one block.
   *
   * @param rows a panel of {@code count} rows
   * @param vectors arranged, {@code vectorCount} in all
   * @param block which four of them
   * @param partial scratch of {@link #room}
   * @param to from {@code toIndex}, the block's first vector first, with room for whole vectors
   */
  static void multiply(
      float[] rows,
      int count,
      float[] vectors,
      int vectorCount,
      int block,
      int columns,
      float[] partial,
      float[] to,
      int toIndex,
      int stride) {
    int rowBlocks = blocks(count, ROWS);
    int panel = wholeGroups(count) * LANES;
    int rowSlice = slice(rowBlocks, columns, ROWS);
    int vectorSlice = slice(blocks(vectorCount, VECTORS), columns, VECTORS);
    for (int s = 0; s < SLICES; s++) {
      int q = s * vectorSlice + start(block * VECTORS, columns, VECTORS);
      for (int b = 0; b < rowBlocks; b++) {
        int w = s * rowSlice + start(b * ROWS, columns, ROWS);
        int at = s * VECTORS * panel + b * ROWS * LANES;
        tile(rows, w, vectors, q, columns / CanonicalMath.LANES, partial, at, panel);
      }
    }
    // The first steps of the tree add whole vectors, the rest is done for many rows together.
    for (int half = SLICES / 2; half > 0; half /= 2) {
      int size = half * VECTORS * panel;
      for (int i = 0; i < size; i += LANES) {
        Lanes.load(partial, i).add(Lanes.load(partial, i + size)).intoArray(partial, i);
      }
    }
    int last = Math.min(VECTORS, vectorCount - block * VECTORS);
    for (int v = 0; v < last; v++) {
      System.arraycopy(partial, v * panel, partial, 0, panel);
      Fold.plain(partial, count, 1f, to, toIndex + v * stride);
    }
  }

  /** Rows that a tile may write and {@link Fold} reads: whole vectors of them, and whole blocks. */
  private static int wholeGroups(int count) {
    return (blocks(count, ROWS) * ROWS + LANES - 1) & -LANES;
  }

  private static void tile(
      float[] rows, int w, float[] vectors, int q, int units, float[] partial, int to, int stride) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a00 = zero;
    FloatVector a01 = zero;
    FloatVector a02 = zero;
    FloatVector a10 = zero;
    FloatVector a11 = zero;
    FloatVector a12 = zero;
    FloatVector a20 = zero;
    FloatVector a21 = zero;
    FloatVector a22 = zero;
    FloatVector a30 = zero;
    FloatVector a31 = zero;
    FloatVector a32 = zero;
    for (int unit = 0; unit < units; unit++) {
      FloatVector r0 = Lanes.load(rows, w);
      FloatVector r1 = Lanes.load(rows, w + LANES);
      FloatVector r2 = Lanes.load(rows, w + 2 * LANES);
      FloatVector v = Lanes.load(vectors, q);
      a00 = r0.fma(v, a00);
      a01 = r1.fma(v, a01);
      a02 = r2.fma(v, a02);
      v = Lanes.load(vectors, q + LANES);
      a10 = r0.fma(v, a10);
      a11 = r1.fma(v, a11);
      a12 = r2.fma(v, a12);
      v = Lanes.load(vectors, q + 2 * LANES);
      a20 = r0.fma(v, a20);
      a21 = r1.fma(v, a21);
      a22 = r2.fma(v, a22);
      v = Lanes.load(vectors, q + 3 * LANES);
      a30 = r0.fma(v, a30);
      a31 = r1.fma(v, a31);
      a32 = r2.fma(v, a32);
      w += ROWS * LANES;
      q += VECTORS * LANES;
    }
    a00.intoArray(partial, to);
    a01.intoArray(partial, to + LANES);
    a02.intoArray(partial, to + 2 * LANES);
    to += stride;
    a10.intoArray(partial, to);
    a11.intoArray(partial, to + LANES);
    a12.intoArray(partial, to + 2 * LANES);
    to += stride;
    a20.intoArray(partial, to);
    a21.intoArray(partial, to + LANES);
    a22.intoArray(partial, to + 2 * LANES);
    to += stride;
    a30.intoArray(partial, to);
    a31.intoArray(partial, to + LANES);
    a32.intoArray(partial, to + 2 * LANES);
  }
}
