package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;

/**
 * Canonical dot products of a panel of rows with several vectors, as a small matrix product in
 * registers.
 *
 * <p>The 32 lanes of a canonical dot product do not meet before its end. So a tile ({@link
 * HeadTile}) holds one vector of them for each pair, runs over all elements of these lanes, and
 * comes back for the next lanes. Rows are F32 or BF16 and stay where they are; the vectors lie in
 * the order in which a tile takes them: [lanes][block of vectors][unit of 32 elements][vector of
 * the block], aligned, since a load that crosses a cache line counts twice.
 */
final class HeadPanel {
  /** Vectors of a block. */
  static final int VECTORS = HeadTile.BLOCK;

  private static final int LANES = Lanes.COUNT;
  private static final int SLICES = CanonicalMath.LANES / LANES;

  private HeadPanel() {}

  /** Whether rows of this format are multiplied where they lie, and need no widening before. */
  static boolean takes(DType format) {
    return format == DType.F32 || format == DType.BF16;
  }

  /** Blocks that so many vectors take. */
  static int blocks(int vectors) {
    return Math.ceilDiv(vectors, VECTORS);
  }

  /** Floats that arranged vectors take. */
  static int arranged(int vectors, int columns) {
    return blocks(vectors) * VECTORS * columns;
  }

  /** Puts vectors of {@code columns} elements into the order of tiles, zeros behind the last. */
  static void arrange(float[] vectors, int count, int columns, MemorySegment to) {
    to.asSlice(0, 4L * arranged(count, columns)).fill((byte) 0);
    for (int v = 0; v < count; v++) {
      for (int i = 0; i < columns; i += LANES) {
        int lanes = i % CanonicalMath.LANES / LANES;
        int unit = i / CanonicalMath.LANES;
        long at = start(lanes, v / VECTORS, count, columns) + (long) unit * VECTORS + v % VECTORS;
        MemorySegment.copy(
            vectors, v * columns + i, to, Workspace.FLOAT, at * HeadTile.LANE_BYTES, LANES);
      }
    }
  }

  /** Where a block of vectors begins, in vectors of lanes. */
  private static long start(int lanes, int block, int vectors, int columns) {
    long units = columns / CanonicalMath.LANES;
    return ((long) lanes * blocks(vectors) + block) * units * VECTORS;
  }

  /** Floats that {@link #multiply} needs for a panel of so many rows. */
  static int room(int rows) {
    return SLICES * VECTORS * wholeGroups(rows) * LANES;
  }

  /**
   * {@code to[v * stride + r] = dot(row r, vector v)} for a panel and the vectors of one block.
   *
   * @param format F32 or BF16
   * @param rows byte offsets of {@code count} rows
   * @param vectors arranged, {@code vectorCount} in all
   * @param block which {@link #VECTORS} of them
   * @param partial scratch of {@link #room}
   * @param to from {@code toIndex}, the block's first vector first, with room for whole vectors
   */
  static void multiply(
      DType format,
      MemorySegment from,
      long[] rows,
      int count,
      MemorySegment vectors,
      int vectorCount,
      int block,
      int columns,
      float[] partial,
      float[] to,
      int toIndex,
      int stride) {
    int present = Math.min(VECTORS, vectorCount - block * VECTORS);
    int panel = wholeGroups(count) * LANES;
    int units = columns / CanonicalMath.LANES;
    for (int s = 0; s < SLICES; s++) {
      long q = start(s, block, vectorCount, columns) * HeadTile.LANE_BYTES;
      long lanes = format.bytes((long) s * LANES);
      for (int r = 0; r < count; r += HeadTile.ROWS) {
        long r0 = rows[r] + lanes;
        long r1 = rows[Math.min(r + 1, count - 1)] + lanes;
        long r2 = rows[Math.min(r + 2, count - 1)] + lanes;
        int at = s * VECTORS * panel + r * LANES;
        if (format == DType.BF16 && present > HeadTile.VECTORS) {
          HeadTile.wideBf16(from, r0, r1, r2, vectors, q, units, partial, at, panel);
          continue;
        }
        for (int v = 0; v < present; v += HeadTile.VECTORS) {
          long half = q + v * HeadTile.LANE_BYTES;
          int into = at + v * panel;
          if (format == DType.BF16) {
            HeadTile.bf16(from, r0, r1, r2, vectors, half, units, partial, into, panel);
          } else {
            HeadTile.f32(from, r0, r1, r2, vectors, half, units, partial, into, panel);
          }
        }
      }
    }
    // The first steps of the tree add whole vectors, the rest is done for many rows together.
    for (int half = SLICES / 2; half > 0; half /= 2) {
      int size = half * VECTORS * panel;
      for (int i = 0; i < size; i += LANES) {
        Lanes.load(partial, i).add(Lanes.load(partial, i + size)).intoArray(partial, i);
      }
    }
    for (int v = 0; v < present; v++) {
      System.arraycopy(partial, v * panel, partial, 0, panel);
      Fold.plain(partial, count, 1f, to, toIndex + v * stride);
    }
  }

  /** Rows that a tile may write and {@link Fold} reads: whole vectors of them, and whole blocks. */
  private static int wholeGroups(int count) {
    return (Math.ceilDiv(count, HeadTile.ROWS) * HeadTile.ROWS + LANES - 1) & -LANES;
  }
}
