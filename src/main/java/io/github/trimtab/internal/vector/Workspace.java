package io.github.trimtab.internal.vector;

import java.util.Arrays;

/**
 * Scratch arrays of one thread or one operation, grown on demand and kept, so that a replayed
 * operation allocates nothing.
 *
 * <p>Threads: one at a time, except that an operation's threads may read what its caller prepared.
 */
final class Workspace {
  /** Uses of float arrays that live at the same time. */
  enum Floats {
    QUERIES,
    KEYS,
    VALUES,
    LOGITS,
    PARTIAL,
    SCORES,
    ROW,
    OUT,
    STATE
  }

  /** Uses of int arrays that live at the same time. */
  enum Ints {
    RANKS,
    CHOSEN,
    VISIBLE
  }

  /** How the operation that borrowed this workspace hands its work to other threads. */
  final Job job = new Job(this);

  /** State of the attention tile that the running thread works on. */
  final AttendTile tile = new AttendTile();

  private final float[][] floats = new float[Floats.values().length][0];
  private final int[][] ints = new int[Ints.values().length][0];
  private long[] longs = new long[0];

  /** An array of at least {@code size} elements with whatever was left in it. */
  float[] floats(Floats use, int size) {
    float[] array = floats[use.ordinal()];
    if (array.length < size) {
      array = new float[grown(array.length, size)];
      floats[use.ordinal()] = array;
    }
    return array;
  }

  /** Like {@link #floats(Floats, int)}, with zeros in the first {@code size} elements. */
  float[] zeroFloats(Floats use, int size) {
    float[] array = floats(use, size);
    Arrays.fill(array, 0, size, 0f);
    return array;
  }

  int[] ints(Ints use, int size) {
    int[] array = ints[use.ordinal()];
    if (array.length < size) {
      array = new int[grown(array.length, size)];
      ints[use.ordinal()] = array;
    }
    return array;
  }

  long[] longs(int size) {
    if (longs.length < size) {
      longs = new long[grown(longs.length, size)];
    }
    return longs;
  }

  private static int grown(int from, int least) {
    return Math.max(least, (int) Math.min(from + (from >> 1) + 64L, Integer.MAX_VALUE - 64));
  }
}
