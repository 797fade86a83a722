package io.github.trimtab.internal.vector;

import static io.github.trimtab.internal.vector.Lanes.FLOATS;
import static jdk.incubator.vector.FloatVector.fromArray;

import io.github.trimtab.internal.host.CanonicalMath;
import jdk.incubator.vector.FloatVector;

/**
 * Canonical dot products of a panel of keys with many queries. The keys lie across the lanes of two
 * vectors, so that each of the 32 accumulators of {@link CanonicalMath#dot} is a vector of its own
 * and the tree adds whole vectors: what {@link Dots} spends on folding lanes falls away. Two
 * queries pass at a time; each element that is loaded meets two others.
 */
final class KeyPanel {
  private static final int LANES = Lanes.COUNT;
  private static final int HALF = CanonicalMath.LANES / 2;

  /** Results of two queries and two vectors of keys. */
  private static final int RESULTS = 4 * LANES;

  /** Keys of a panel. */
  static final int KEYS = 2 * LANES;

  /** Floats that {@link #dots} needs as scratch. */
  static final int SCRATCH = HALF * RESULTS;

  private KeyPanel() {}

  /**
   * Lays rows of keys out as panels: element d of a panel's keys side by side.
   *
   * @param rows of {@code padded} elements, readable up to a multiple of {@link #KEYS}
   * @param panels receives [panel][padded][KEYS]
   */
  static void transpose(float[] rows, int count, int padded, float[] panels) {
    for (int first = 0; first < count; first += KEYS) {
      for (int k = 0; k < KEYS; k++) {
        int from = (first + k) * padded;
        int to = first * padded + k;
        for (int d = 0; d < padded; d++) {
          panels[to + d * KEYS] = rows[from + d];
        }
      }
    }
  }

  /**
   * {@code to[toIndex + k] = dot(query, key k) * factor} for a panel's keys, and the same for the
   * next query {@code toStride} behind.
   *
   * @param queries two rows of {@code padded} elements from {@code query}
   * @param scratch of {@link #SCRATCH} floats
   */
  static void dots(
      float[] panels,
      int panel,
      int padded,
      float[] queries,
      int query,
      float factor,
      float[] to,
      int toIndex,
      int toStride,
      float[] scratch) {
    accumulate(panels, panel, padded, queries, query, scratch);
    tree(scratch, 0, factor, to, toIndex);
    tree(scratch, KEYS, factor, to, toIndex + toStride);
  }

  /** The accumulators j and j + 16, and the tree's first step: their sums for j from 0 to 15. */
  private static void accumulate(
      float[] panels, int panel, int padded, float[] queries, int query, float[] sums) {
    FloatVector zero = FloatVector.zero(Lanes.FLOATS);
    FloatVector a0 = zero;
    FloatVector b0 = zero;
    FloatVector c0 = zero;
    FloatVector d0 = zero;
    FloatVector a1 = zero;
    FloatVector b1 = zero;
    FloatVector c1 = zero;
    FloatVector d1 = zero;
    int units = padded / 2;
    int i = 0;
    int j = 0;
    for (int unit = 0; unit < units; unit++) {
      int at = panel + i * KEYS;
      FloatVector x = Lanes.load(panels, at);
      FloatVector y = Lanes.load(panels, at + LANES);
      FloatVector p = Lanes.broadcast(queries[query + i]);
      FloatVector q = Lanes.broadcast(queries[query + padded + i]);
      a0 = x.fma(p, a0);
      b0 = y.fma(p, b0);
      c0 = x.fma(q, c0);
      d0 = y.fma(q, d0);
      x = Lanes.load(panels, at + HALF * KEYS);
      y = Lanes.load(panels, at + HALF * KEYS + LANES);
      p = Lanes.broadcast(queries[query + i + HALF]);
      q = Lanes.broadcast(queries[query + padded + i + HALF]);
      a1 = x.fma(p, a1);
      b1 = y.fma(p, b1);
      c1 = x.fma(q, c1);
      d1 = y.fma(q, d1);
      i += CanonicalMath.LANES;
      if (i >= padded) {
        int to = j * RESULTS;
        a0.add(a1).intoArray(sums, to);
        b0.add(b1).intoArray(sums, to + LANES);
        c0.add(c1).intoArray(sums, to + 2 * LANES);
        d0.add(d1).intoArray(sums, to + 3 * LANES);
        j++;
        i = j;
        a0 = zero;
        b0 = zero;
        c0 = zero;
        d0 = zero;
        a1 = zero;
        b1 = zero;
        c1 = zero;
        d1 = zero;
      }
    }
  }

  /**
   * The tree's steps at distances 8, 4, 2 and 1 for a query's keys. A loop without methods of our
   * own: inlined into many callers, they would be more than the JIT takes, and vectors objects.
   */
  private static void tree(float[] sums, int at, float factor, float[] to, int toIndex) {
    for (int k = 0; k < KEYS; k += LANES) {
      int i = at + k;
      FloatVector a = fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS));
      i += RESULTS;
      FloatVector b = fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS));
      i += RESULTS;
      FloatVector c = fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS));
      i += RESULTS;
      FloatVector d = fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS));
      i += RESULTS;
      a = a.add(fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS)));
      i += RESULTS;
      b = b.add(fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS)));
      i += RESULTS;
      c = c.add(fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS)));
      i += RESULTS;
      d = d.add(fromArray(FLOATS, sums, i).add(fromArray(FLOATS, sums, i + 8 * RESULTS)));
      a.add(c).add(b.add(d)).mul(factor).intoArray(to, toIndex + k);
    }
  }
}
