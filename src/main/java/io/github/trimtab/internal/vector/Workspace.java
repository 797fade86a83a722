package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;

/**
 * Scratch arrays of one thread or one operation, grown on demand and kept, so that a replayed
 * operation takes no new ones.
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
    STATE,
    PARTS,
    SCALES
  }

  /** Uses of int arrays that live at the same time. */
  enum Ints {
    RANKS,
    CHOSEN,
    VISIBLE,
    FLOORS
  }

  /** Uses of memory outside the heap that live at the same time. */
  enum Aligned {
    QUERIES,
    PANEL
  }

  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /** Bytes of a cache line and of the widest vector. */
  private static final long ALIGNMENT = 64;

  /** How the operation that borrowed this workspace hands its work to other threads. */
  final Job job = new Job(this);

  /** State of the attention tile that the running thread works on. */
  final AttendTile tile = new AttendTile();

  /** Arithmetic of the verification that the running thread works on. */
  final Masses masses = new Masses(this);

  /** The queries that the running thread works on. */
  final QueryTile queries = new QueryTile(this);

  /** Byte offsets of the rows that the running thread works on, of a chunk at most. */
  final long[] rows = new long[CanonicalMath.CHUNK + RowDots.BEHIND];

  /** Takes what was read only to bring it into cache, so that the JIT does not find it useless. */
  int touched;

  private final Map<Floats, float[]> floats = new EnumMap<>(Floats.class);
  private final Map<Ints, int[]> ints = new EnumMap<>(Ints.class);
  private long[] longs = new long[0];
  private final Map<Aligned, MemorySegment> aligned = new EnumMap<>(Aligned.class);

  /** An array of at least {@code size} elements with whatever was left in it. */
  float[] floats(Floats use, int size) {
    float[] array = floats.get(use);
    if (array == null || array.length < size) {
      array = new float[grown(array == null ? 0 : array.length, size)];
      floats.put(use, array);
    }
    return array;
  }

  /** Like {@link #floats(Floats, int)}, with zeros in the first {@code size} elements. */
  float[] zeroFloats(Floats use, int size) {
    float[] array = floats(use, size);
    Arrays.fill(array, 0, size, 0f);
    return array;
  }

  /** An array of at least {@code size} elements with whatever was left in it. */
  int[] ints(Ints use, int size) {
    int[] array = ints.get(use);
    if (array == null || array.length < size) {
      array = new int[grown(array == null ? 0 : array.length, size)];
      ints.put(use, array);
    }
    return array;
  }

  /** The array of longs, of at least {@code size} elements. */
  long[] longs(int size) {
    if (longs.length < size) {
      longs = new long[grown(longs.length, size)];
    }
    return longs;
  }

  /** Memory for {@code size} floats outside the heap, where whole vectors stay aligned. */
  MemorySegment alignedFloats(Aligned use, int size) {
    MemorySegment memory = aligned.getOrDefault(use, MemorySegment.NULL);
    if (memory.byteSize() < Float.BYTES * (long) size) {
      long bytes = Float.BYTES * (long) grown((int) (memory.byteSize() / Float.BYTES), size);
      memory = Arena.ofAuto().allocate(bytes, ALIGNMENT);
      aligned.put(use, memory);
    }
    return memory;
  }

  /**
   * Reads a byte of each cache line of a range, which brings it into cache: Java has no prefetch.
   */
  void touch(MemorySegment from, long at, int bytes) {
    int sum = 0;
    for (int i = 0; i < bytes; i += (int) ALIGNMENT) {
      sum += from.get(ValueLayout.JAVA_BYTE, at + i);
    }
    touched = sum;
  }

  private static int grown(int from, int least) {
    return Math.max(least, (int) Math.min(from + (from >> 1) + 64L, Integer.MAX_VALUE - 64));
  }
}
