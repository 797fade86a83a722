package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.VerifyArithmetic;
import io.github.trimtab.internal.host.VerifyChecks;
import io.github.trimtab.internal.host.VerifyWalk;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;

/** Decides which drafted tokens become text. */
final class ScalarVerify implements VerifyArithmetic {
  private final float[] lanes = new float[CanonicalMath.LANES];

  static void run(Verify op) {
    ScalarVerify arithmetic = new ScalarVerify();
    int[] places = arithmetic.checkedPlaces(op);
    VerifyWalk walk = new VerifyWalk(arithmetic);
    for (int row = 0; row < op.rows(); row++) {
      walk.row(op, row, places);
    }
  }

  static void check(Verify op) {
    int[] _ = new ScalarVerify().checkedPlaces(op);
  }

  private int[] checkedPlaces(Verify op) {
    int[] places = new int[op.rows() * op.drafted()];
    VerifyChecks.check(op, this, places);
    return places;
  }

  @Override
  public float[] room(int use, int size) {
    return new float[size];
  }

  @Override
  public float total(Tensor row, long offset, int n) {
    float[] masses = new float[n];
    for (int id = 0; id < n; id++) {
      masses[id] = row.floatAt(offset + (long) id * Float.BYTES);
      if (!(masses[id] >= 0)) {
        return Float.NaN;
      }
    }
    return sum(masses, n);
  }

  @Override
  public float sum(float[] masses, int n) {
    return CanonicalMath.sum(masses, n, lanes);
  }

  @Override
  public int draw(float[] masses, int n, float uniform) {
    float[] chunk = new float[CanonicalMath.CHUNK];
    float threshold = uniform * sum(masses, n);
    float before = 0f;
    int start = 0;
    float startsAt = 0f;
    for (int first = 0; first < n; first += CanonicalMath.CHUNK) {
      int size = Math.min(n - first, CanonicalMath.CHUNK);
      System.arraycopy(masses, first, chunk, 0, size);
      float total = sum(chunk, size);
      if (total > 0) {
        start = first;
        startsAt = before;
      }
      before += total;
      if (before > threshold) {
        break;
      }
    }
    int end = Math.min(n - start, CanonicalMath.CHUNK) + start;
    int last = start;
    float reached = startsAt;
    for (int id = start; id < end; id++) {
      if (masses[id] > 0) {
        last = id;
      }
      reached += masses[id];
      if (reached > threshold) {
        break;
      }
    }
    return last;
  }

  @Override
  public int highest(float[] masses, int n) {
    int highest = 0;
    for (int id = 1; id < n; id++) {
      if (masses[id] > masses[highest]) {
        highest = id;
      }
    }
    return highest;
  }

  @Override
  public void divide(float[] masses, int n, float by) {
    for (int id = 0; id < n; id++) {
      masses[id] /= by;
    }
  }
}
