package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.memory.DType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Canonical dot products of one query with many keys.
 *
 * <p>The 32 accumulator lanes of {@link CanonicalMath#dot} are {@link #ACCUMULATORS} vectors. Its
 * tree adds whole vectors first; what is left of {@link Lanes#COUNT} keys, a vector each, is then
 * folded together, so that the last steps and the result fill vectors too.
 */
final class Dots {
  /** Keys that one call of {@link #keys} takes at most. */
  static final int MAX_KEYS = 128;

  private static final int LANES = Lanes.COUNT;
  private static final int ACCUMULATORS = CanonicalMath.LANES / LANES;

  private static final VectorShuffle<Float> SWAP_8 = swap(8);
  private static final VectorShuffle<Float> SWAP_4 = swap(4);
  private static final VectorShuffle<Float> SWAP_2 = swap(2);
  private static final VectorShuffle<Float> SWAP_1 = swap(1);
  private static final VectorMask<Float> HIGH_8 = high(8);
  private static final VectorMask<Float> HIGH_4 = high(4);
  private static final VectorMask<Float> HIGH_2 = high(2);
  private static final VectorMask<Float> HIGH_1 = high(1);

  private Dots() {}

  private static VectorShuffle<Float> swap(int distance) {
    return VectorShuffle.fromOp(Lanes.FLOATS, i -> i ^ (distance % LANES));
  }

  private static VectorMask<Float> high(int bit) {
    long bits = 0;
    for (int i = 0; i < LANES; i++) {
      bits |= (i & bit) != 0 ? 1L << i : 0;
    }
    return VectorMask.fromLong(Lanes.FLOATS, bits);
  }

  /** The head dim rounded up to whole groups of 32 lanes: the room a widened key takes. */
  static int padded(int headDim) {
    return (headDim + CanonicalMath.LANES - 1) & -CanonicalMath.LANES;
  }

  /** Room for the results of {@code keys} dot products: whole vectors are written. */
  static int room(int keys) {
    return keys + LANES;
  }

  /**
   * {@code to[toIndex + k] = dot(query, key k) * factor} for up to {@link #MAX_KEYS} keys.
   *
   * @param codes byte offset of the first key
   * @param stride bytes from key to key
   * @param scales byte offset of the first key's BF16 scale, unused by formats without one
   * @param query at {@code queryIndex}, with +0 from {@code headDim} up to {@link #padded}
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
      float factor,
      float[] to,
      int toIndex,
      Workspace own) {
    float[] partial = own.floats(Workspace.Floats.PARTIAL, LANES * LANES);
    boolean direct = headDim % CanonicalMath.LANES == 0;
    float[] widened = own.floats(Workspace.Floats.KEYS, LANES * padded(headDim));
    for (int k = 0; k < count; k += LANES) {
      int n = Math.min(LANES, count - k);
      long first = codes + k * stride;
      if (direct && dtype == DType.BF16) {
        bf16(from, first, stride, n, headDim, query, queryIndex, partial);
      } else if (direct && dtype == DType.F32) {
        f32(from, first, stride, n, headDim, query, queryIndex, partial);
      } else {
        widen(dtype, from, first, stride, scales + k * 2L, n, headDim, widened);
        array(widened, 0, n, padded(headDim), query, queryIndex, partial);
      }
      fold(partial, factor, to, toIndex + k);
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
    float[] partial = own.floats(Workspace.Floats.PARTIAL, LANES * LANES);
    for (int k = 0; k < count; k += LANES) {
      array(keys, k * row, Math.min(LANES, count - k), row, query, queryIndex, partial);
      fold(partial, factor, to, toIndex + k);
    }
  }

  private static void bf16(
      MemorySegment from,
      long offset,
      long stride,
      int count,
      int headDim,
      float[] query,
      int queryIndex,
      float[] partial) {
    for (int k = 0; k < count; k++) {
      FloatVector a0 = FloatVector.zero(Lanes.FLOATS);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      FloatVector a4 = a0;
      FloatVector a5 = a0;
      FloatVector a6 = a0;
      FloatVector a7 = a0;
      for (int i = 0; i < headDim; i += CanonicalMath.LANES) {
        long at = offset + 2L * i;
        int q = queryIndex + i;
        a0 = Widen.bf16(from, at).fma(Lanes.load(query, q), a0);
        a1 = Widen.bf16(from, at + 2L * LANES).fma(Lanes.load(query, q + LANES), a1);
        if (ACCUMULATORS > 2) {
          a2 = Widen.bf16(from, at + 4L * LANES).fma(Lanes.load(query, q + 2 * LANES), a2);
          a3 = Widen.bf16(from, at + 6L * LANES).fma(Lanes.load(query, q + 3 * LANES), a3);
        }
        if (ACCUMULATORS > 4) {
          a4 = Widen.bf16(from, at + 8L * LANES).fma(Lanes.load(query, q + 4 * LANES), a4);
          a5 = Widen.bf16(from, at + 10L * LANES).fma(Lanes.load(query, q + 5 * LANES), a5);
          a6 = Widen.bf16(from, at + 12L * LANES).fma(Lanes.load(query, q + 6 * LANES), a6);
          a7 = Widen.bf16(from, at + 14L * LANES).fma(Lanes.load(query, q + 7 * LANES), a7);
        }
      }
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
      a0.add(a1).intoArray(partial, k * LANES);
      offset += stride;
    }
  }

  private static void f32(
      MemorySegment from,
      long offset,
      long stride,
      int count,
      int headDim,
      float[] query,
      int queryIndex,
      float[] partial) {
    for (int k = 0; k < count; k++) {
      FloatVector a0 = FloatVector.zero(Lanes.FLOATS);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      FloatVector a4 = a0;
      FloatVector a5 = a0;
      FloatVector a6 = a0;
      FloatVector a7 = a0;
      for (int i = 0; i < headDim; i += CanonicalMath.LANES) {
        long at = offset + 4L * i;
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
      }
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
      a0.add(a1).intoArray(partial, k * LANES);
      offset += stride;
    }
  }

  private static void array(
      float[] keys, int index, int count, int row, float[] query, int queryIndex, float[] partial) {
    for (int k = 0; k < count; k++) {
      FloatVector a0 = FloatVector.zero(Lanes.FLOATS);
      FloatVector a1 = a0;
      FloatVector a2 = a0;
      FloatVector a3 = a0;
      FloatVector a4 = a0;
      FloatVector a5 = a0;
      FloatVector a6 = a0;
      FloatVector a7 = a0;
      for (int i = 0; i < row; i += CanonicalMath.LANES) {
        int at = index + i;
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
      }
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
      a0.add(a1).intoArray(partial, k * LANES);
      index += row;
    }
  }

  /**
   * The tree's last steps for {@link Lanes#COUNT} keys, whose vectors lie in {@code v}: at distance
   * o, vectors k and k+o become one that holds k's sums where bit o of a lane is 0 and the other's
   * where it is 1. In the end lane k holds the sum of key k.
   */
  private static void fold(float[] v, float factor, float[] to, int index) {
    if (LANES > 8) {
      for (int k = 0; k < 8; k++) {
        both(v, k, 8, SWAP_8, HIGH_8).intoArray(v, k * LANES);
      }
    }
    if (LANES > 4) {
      for (int k = 0; k < 4; k++) {
        both(v, k, 4, SWAP_4, HIGH_4).intoArray(v, k * LANES);
      }
    }
    both(v, 0, 2, SWAP_2, HIGH_2).intoArray(v, 0);
    both(v, 1, 2, SWAP_2, HIGH_2).intoArray(v, LANES);
    both(v, 0, 1, SWAP_1, HIGH_1).mul(factor).intoArray(to, index);
  }

  private static FloatVector both(
      float[] v, int k, int distance, VectorShuffle<Float> swap, VectorMask<Float> high) {
    FloatVector x = Lanes.load(v, k * LANES);
    FloatVector y = Lanes.load(v, (k + distance) * LANES);
    return x.add(x.rearrange(swap)).blend(y.add(y.rearrange(swap)), high);
  }

  /** {@link CanonicalMath#sum} of {@code values[0..count)}. */
  static float sum(float[] values, int count, float[] lanes) {
    float total = 0f;
    int start = 0;
    for (; start + CanonicalMath.CHUNK <= count; start += CanonicalMath.CHUNK) {
      for (int j = 0; j < CanonicalMath.LANES; j += LANES) {
        FloatVector sum = FloatVector.zero(Lanes.FLOATS);
        for (int i = 0; i < CanonicalMath.CHUNK; i += CanonicalMath.LANES) {
          sum = sum.add(Lanes.load(values, start + j + i));
        }
        sum.intoArray(lanes, j);
      }
      total += CanonicalMath.tree(lanes);
    }
    if (start < count) {
      for (int j = 0; j < CanonicalMath.LANES; j++) {
        float sum = 0f;
        for (int i = start + j; i < count; i += CanonicalMath.LANES) {
          sum += values[i];
        }
        lanes[j] = sum;
      }
      total += CanonicalMath.tree(lanes);
    }
    return total;
  }
}
