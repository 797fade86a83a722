package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Canonical dot products of one query with many keys.
 *
 * <p>The 32 accumulator lanes of {@link CanonicalMath#dot} are {@link #ACCUMULATORS} vectors. Its
 * tree adds whole vectors first; {@link Fold} takes its last steps for many keys together.
 */
final class Dots {
  private static final int LANES = Lanes.COUNT;
  private static final int ACCUMULATORS = CanonicalMath.LANES / LANES;

  /** Keys whose accumulators are held before they are folded; a multiple of every width. */
  private static final int GROUP = 64;

  /** Elements that one round of {@link #pairs} takes: four vectors of BF16 pairs. */
  private static final int PAIRED_UNIT = 8 * LANES;

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
   * @param paired where {@link #pair} put the query
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
      int paired,
      float factor,
      float[] to,
      int toIndex,
      Workspace own) {
    float[] partial = own.floats(Workspace.Floats.PARTIAL, 2 * GROUP * LANES);
    float[] widened = own.floats(Workspace.Floats.KEYS, GROUP * padded(headDim));
    for (int k = 0; k < count; k += GROUP) {
      int n = Math.min(GROUP, count - k);
      long first = codes + k * stride;
      if (dtype == DType.BF16 && headDim % PAIRED_UNIT == 0) {
        pairs(from, first, stride, n, headDim, query, paired, partial);
        Fold.pairs(partial, n, factor, to, toIndex + k);
        continue;
      }
      if (dtype == DType.F32 && headDim % CanonicalMath.LANES == 0) {
        f32(from, first, stride, n, headDim, query, queryIndex, partial);
      } else {
        widen(dtype, from, first, stride, scales + k * 2L, n, headDim, widened);
        array(widened, 0, n, padded(headDim), query, queryIndex, partial);
      }
      Fold.plain(partial, n, factor, to, toIndex + k);
    }
  }

  /**
   * Puts the even elements of each two vectors before the odd ones: the order in which two BF16
   * halves of an int come out of a vector of ints.
   */
  static void pair(float[] query, int from, int to, int padded) {
    for (int i = 0; i < padded; i += 2 * LANES) {
      for (int j = 0; j < LANES; j++) {
        query[to + i + j] = query[from + i + 2 * j];
        query[to + i + LANES + j] = query[from + i + 2 * j + 1];
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
    float[] partial = own.floats(Workspace.Floats.PARTIAL, 2 * GROUP * LANES);
    for (int k = 0; k < count; k += GROUP) {
      int n = Math.min(GROUP, count - k);
      array(keys, k * row, n, row, query, queryIndex, partial);
      Fold.plain(partial, n, factor, to, toIndex + k);
    }
  }

  // The three loops below run over all keys in one: a loop inside a loop over keys would cost more
  // to enter than its few rounds take. They hold as many vectors as the JIT still inlines whole.

  /**
   * Accumulators of up to {@link #GROUP} BF16 keys of a multiple of {@link #PAIRED_UNIT} elements:
   * two vectors of {@code partial} each, of its even elements and of its odd ones. {@link Fold}
   * brings them together: merged here, they cost this loop its registers.
   */
  private static void pairs(
      MemorySegment from,
      long offset,
      long stride,
      int count,
      int headDim,
      float[] query,
      int queryIndex,
      float[] partial) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector e0 = zero;
    FloatVector o0 = zero;
    FloatVector e1 = zero;
    FloatVector o1 = zero;
    FloatVector e2 = zero;
    FloatVector o2 = zero;
    FloatVector e3 = zero;
    FloatVector o3 = zero;
    int units = count * (headDim / PAIRED_UNIT);
    long at = offset;
    int i = 0;
    int to = 0;
    for (int unit = 0; unit < units; unit++) {
      int q = queryIndex + i;
      IntVector w = Widen.ints(from, at);
      IntVector x = Widen.ints(from, at + 4L * LANES);
      IntVector y = Widen.ints(from, at + 8L * LANES);
      IntVector z = Widen.ints(from, at + 12L * LANES);
      e0 = Widen.low(w).fma(Lanes.load(query, q), e0);
      o0 = Widen.high(w).fma(Lanes.load(query, q + LANES), o0);
      if (ACCUMULATORS == 2) {
        e0 = Widen.low(x).fma(Lanes.load(query, q + 2 * LANES), e0);
        o0 = Widen.high(x).fma(Lanes.load(query, q + 3 * LANES), o0);
      } else {
        e1 = Widen.low(x).fma(Lanes.load(query, q + 2 * LANES), e1);
        o1 = Widen.high(x).fma(Lanes.load(query, q + 3 * LANES), o1);
      }
      if (ACCUMULATORS == 8) {
        e2 = Widen.low(y).fma(Lanes.load(query, q + 4 * LANES), e2);
        o2 = Widen.high(y).fma(Lanes.load(query, q + 5 * LANES), o2);
        e3 = Widen.low(z).fma(Lanes.load(query, q + 6 * LANES), e3);
        o3 = Widen.high(z).fma(Lanes.load(query, q + 7 * LANES), o3);
      } else {
        e0 = Widen.low(y).fma(Lanes.load(query, q + 4 * LANES), e0);
        o0 = Widen.high(y).fma(Lanes.load(query, q + 5 * LANES), o0);
        if (ACCUMULATORS == 2) {
          e0 = Widen.low(z).fma(Lanes.load(query, q + 6 * LANES), e0);
          o0 = Widen.high(z).fma(Lanes.load(query, q + 7 * LANES), o0);
        } else {
          e1 = Widen.low(z).fma(Lanes.load(query, q + 6 * LANES), e1);
          o1 = Widen.high(z).fma(Lanes.load(query, q + 7 * LANES), o1);
        }
      }
      i += PAIRED_UNIT;
      at += 2L * PAIRED_UNIT;
      if (i == headDim) {
        if (ACCUMULATORS == 8) {
          e0 = e0.add(e2);
          o0 = o0.add(o2);
          e1 = e1.add(e3);
          o1 = o1.add(o3);
        }
        if (ACCUMULATORS > 2) {
          e0 = e0.add(e1);
          o0 = o0.add(o1);
        }
        e0.intoArray(partial, to);
        o0.intoArray(partial, to + LANES);
        to += 2 * LANES;
        offset += stride;
        at = offset;
        i = 0;
        e0 = zero;
        o0 = zero;
        if (ACCUMULATORS > 2) {
          e1 = zero;
          o1 = zero;
        }
        if (ACCUMULATORS > 4) {
          e2 = zero;
          o2 = zero;
          e3 = zero;
          o3 = zero;
        }
      }
    }
  }

  /** Accumulators of up to {@link #GROUP} F32 keys of a multiple of 32 elements. */
  private static void f32(
      MemorySegment from,
      long offset,
      long stride,
      int count,
      int headDim,
      float[] query,
      int queryIndex,
      float[] partial) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a0 = zero;
    FloatVector a1 = zero;
    FloatVector a2 = zero;
    FloatVector a3 = zero;
    FloatVector a4 = zero;
    FloatVector a5 = zero;
    FloatVector a6 = zero;
    FloatVector a7 = zero;
    int units = count * (headDim / CanonicalMath.LANES);
    long at = offset;
    int i = 0;
    int to = 0;
    for (int unit = 0; unit < units; unit++) {
      int q = queryIndex + i;
      a0 = Widen.f32(from, at).fma(Lanes.load(query, q), a0);
      a1 = Widen.f32(from, at + 4L * LANES).fma(Lanes.load(query, q + LANES), a1);
      if (ACCUMULATORS > 2) {
        a2 = Widen.f32(from, at + 8L * LANES).fma(Lanes.load(query, q + 2 * LANES), a2);
        a3 = Widen.f32(from, at + 12L * LANES).fma(Lanes.load(query, q + 3 * LANES), a3);
      }
      if (ACCUMULATORS > 4) {
        a4 = Widen.f32(from, at + 16L * LANES).fma(Lanes.load(query, q + 4 * LANES), a4);
        a5 = Widen.f32(from, at + 20L * LANES).fma(Lanes.load(query, q + 5 * LANES), a5);
        a6 = Widen.f32(from, at + 24L * LANES).fma(Lanes.load(query, q + 6 * LANES), a6);
        a7 = Widen.f32(from, at + 28L * LANES).fma(Lanes.load(query, q + 7 * LANES), a7);
      }
      i += CanonicalMath.LANES;
      at += 4L * CanonicalMath.LANES;
      if (i == headDim) {
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
        offset += stride;
        at = offset;
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

  /** As {@link #f32} for rows of {@code row} elements in an array. */
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
    if (count == CanonicalMath.CHUNK) {
      for (int j = 0; j < CanonicalMath.LANES; j += LANES) {
        FloatVector sum = FloatVector.zero(Lanes.FLOATS);
        for (int i = 0; i < CanonicalMath.CHUNK; i += CanonicalMath.LANES) {
          sum = sum.add(Lanes.load(values, start + j + i));
        }
        sum.intoArray(lanes, j);
      }
    } else {
      for (int j = 0; j < CanonicalMath.LANES; j++) {
        float sum = 0f;
        for (int i = j; i < count; i += CanonicalMath.LANES) {
          sum += values[start + i];
        }
        lanes[j] = sum;
      }
    }
    return CanonicalMath.tree(lanes);
  }
}
