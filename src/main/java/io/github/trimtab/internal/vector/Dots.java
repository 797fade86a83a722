package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Canonical dot products of one query with many keys.
 *
 * <p>What {@link StreamDots} cannot read where it lies is widened into an array first, and read
 * from there by the same steps.
 */
final class Dots {
  private static final int LANES = Lanes.COUNT;
  private static final int ACCUMULATORS = CanonicalMath.LANES / LANES;

  /** Keys whose accumulators are held before they are folded; a multiple of every width. */
  private static final int GROUP = StreamDots.ROWS;

  private Dots() {}

  /** The head dim rounded up to whole groups of 32 lanes: the room a widened key takes. */
  static int padded(int headDim) {
    return (headDim + CanonicalMath.LANES - 1) & -CanonicalMath.LANES;
  }

  /** Room for the results of {@code keys} dot products: whole vectors are written. */
  static int room(int keys) {
    return keys + LANES;
  }

  /**
   * {@code to[toIndex + k] = dot(query, key k) * factor} for any number of keys.
   *
   * @param codes byte offset of the first key
   * @param stride bytes from key to key
   * @param scales byte offset of the first key's BF16 scale, unused by formats without one
   * @param query at {@code queryIndex}, with +0 from {@code headDim} up to {@link #padded}
   * @param arranged where {@link StreamDots#arrange} put the query for this format
   * @param to with {@link #room} for the results
   */
  static void keys(
      DType dtype,
      MemorySegment from,
      long codes,
      long stride,
      long scales,
      int count,
      int headDim,
      float[] query,
      int queryIndex,
      MemorySegment queries,
      long arranged,
      float factor,
      float[] to,
      int toIndex,
      Workspace own) {
    boolean where = StreamDots.takes(dtype, headDim);
    float[] widened = own.floats(Workspace.Floats.KEYS, GROUP * padded(headDim));
    for (int k = 0; k < count; k += GROUP) {
      int n = Math.min(GROUP, count - k);
      long first = codes + k * stride;
      if (where) {
        StreamDots.rows(
            dtype,
            from,
            first,
            stride,
            n,
            headDim,
            queries,
            arranged,
            factor,
            to,
            toIndex + k,
            own);
      } else {
        widen(dtype, from, first, stride, scales + k * 2L, n, headDim, widened);
        widened(widened, n, padded(headDim), query, queryIndex, factor, to, toIndex + k, own);
      }
    }
  }

  /**
   * Widens keys to rows of {@link #padded} elements. The padding is -0: its product with the
   * query's +0 is -0, and adding that changes no accumulator, not even a -0.
   */
  static void widen(
      DType dtype,
      MemorySegment from,
      long codes,
      long stride,
      long scales,
      int count,
      int headDim,
      float[] to) {
    int row = padded(headDim);
    Widen.tokens(dtype, from, codes, stride, scales, count, headDim, to, 0, row);
    pad(to, count, headDim);
  }

  /** Pads widened keys as {@link #widen} does. */
  static void pad(float[] keys, int count, int headDim) {
    int row = padded(headDim);
    for (int k = 0; k < count && row > headDim; k++) {
      for (int i = headDim; i < row; i++) {
        keys[k * row + i] = -0f;
      }
    }
  }

  /** As {@link #keys} for widened and padded keys, any number of them. */
  static void widened(
      float[] keys,
      int count,
      int row,
      float[] query,
      int queryIndex,
      float factor,
      float[] to,
      int toIndex,
      Workspace own) {
    float[] partial = own.floats(Workspace.Floats.PARTIAL, GROUP * LANES);
    for (int k = 0; k < count; k += GROUP) {
      int n = Math.min(GROUP, count - k);
      array(keys, k * row, n, row, query, queryIndex, partial);
      Fold.plain(partial, n, factor, to, toIndex + k);
    }
  }

  /**
   * Accumulators of up to {@link #GROUP} rows of {@code row} elements. One loop over all rows: a
   * loop inside a loop would cost more to enter than its few rounds take.
   */
  private static void array(
      float[] keys, int index, int count, int row, float[] query, int queryIndex, float[] partial) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a0 = zero;
    FloatVector a1 = zero;
    FloatVector a2 = zero;
    FloatVector a3 = zero;
    FloatVector a4 = zero;
    FloatVector a5 = zero;
    FloatVector a6 = zero;
    FloatVector a7 = zero;
    int units = count * (row / CanonicalMath.LANES);
    int at = index;
    int i = 0;
    int to = 0;
    for (int unit = 0; unit < units; unit++) {
      int q = queryIndex + i;
      a0 = Lanes.load(keys, at).fma(Lanes.load(query, q), a0);
      a1 = Lanes.load(keys, at + LANES).fma(Lanes.load(query, q + LANES), a1);
      if (ACCUMULATORS > 2) {
        a2 = Lanes.load(keys, at + 2 * LANES).fma(Lanes.load(query, q + 2 * LANES), a2);
        a3 = Lanes.load(keys, at + 3 * LANES).fma(Lanes.load(query, q + 3 * LANES), a3);
      }
      if (ACCUMULATORS > 4) {
        a4 = Lanes.load(keys, at + 4 * LANES).fma(Lanes.load(query, q + 4 * LANES), a4);
        a5 = Lanes.load(keys, at + 5 * LANES).fma(Lanes.load(query, q + 5 * LANES), a5);
        a6 = Lanes.load(keys, at + 6 * LANES).fma(Lanes.load(query, q + 6 * LANES), a6);
        a7 = Lanes.load(keys, at + 7 * LANES).fma(Lanes.load(query, q + 7 * LANES), a7);
      }
      i += CanonicalMath.LANES;
      at += CanonicalMath.LANES;
      if (i == row) {
        if (ACCUMULATORS > 4) {
          a0 = a0.add(a4);
          a1 = a1.add(a5);
          a2 = a2.add(a6);
          a3 = a3.add(a7);
        }
        if (ACCUMULATORS > 2) {
          a0 = a0.add(a2);
          a1 = a1.add(a3);
        }
        a0.add(a1).intoArray(partial, to);
        to += LANES;
        i = 0;
        a0 = zero;
        a1 = zero;
        if (ACCUMULATORS > 2) {
          a2 = zero;
          a3 = zero;
        }
        if (ACCUMULATORS > 4) {
          a4 = zero;
          a5 = zero;
          a6 = zero;
          a7 = zero;
        }
      }
    }
  }

  /** {@link CanonicalMath#sum} of {@code values[0..count)}. */
  static float sum(float[] values, int count, float[] lanes) {
    return sum(values, 0, count, lanes);
  }

  /** {@link CanonicalMath#sum} of {@code count} values from {@code index}. */
  static float sum(float[] values, int index, int count, float[] lanes) {
    float total = 0f;
    for (int start = 0; start < count; start += CanonicalMath.CHUNK) {
      total += chunk(values, index + start, Math.min(count - start, CanonicalMath.CHUNK), lanes);
    }
    return total;
  }

  /** The sum of one chunk: at most 256 values from {@code start} on. */
  static float chunk(float[] values, int start, int count, float[] lanes) {
    int whole = count & -CanonicalMath.LANES;
    for (int j = 0; j < CanonicalMath.LANES; j += LANES) {
      FloatVector sum = FloatVector.zero(Lanes.FLOATS);
      for (int i = start + j; i < start + whole; i += CanonicalMath.LANES) {
        sum = sum.add(FloatVector.fromArray(Lanes.FLOATS, values, i));
      }
      sum.intoArray(lanes, j);
    }
    for (int i = whole; i < count; i++) {
      lanes[i - whole] += values[start + i];
    }
    return CanonicalMath.tree(lanes);
  }
}
