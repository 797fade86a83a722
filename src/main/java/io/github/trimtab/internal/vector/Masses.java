package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.VerifyArithmetic;
import io.github.trimtab.internal.host.VerifyWalk;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** A verification's arithmetic over long rows, in one thread's workspace. */
final class Masses implements VerifyArithmetic {
  private static final Floats[] ROOMS = {Floats.ROW, Floats.VALUES, Floats.STATE};

  /** Decides batch rows with this arithmetic. */
  final VerifyWalk walk = new VerifyWalk(this);

  private final Workspace own;

  Masses(Workspace own) {
    this.own = own;
  }

  @Override
  public float[] room(int use, int size) {
    return own.floats(ROOMS[use], size);
  }

  @Override
  public float total(Tensor row, long offset, int n) {
    float[] chunk = own.floats(Floats.SCORES, CanonicalMath.CHUNK);
    float[] lanes = lanes();
    float total = 0f;
    boolean masses = true;
    for (int start = 0; start < n && masses; start += CanonicalMath.CHUNK) {
      int size = Math.min(n - start, CanonicalMath.CHUNK);
      long from = offset + (long) start * Float.BYTES;
      MemorySegment.copy(row.segment(), ValueLayout.JAVA_FLOAT_UNALIGNED, from, chunk, 0, size);
      masses = areMasses(chunk, size);
      total += Dots.chunk(chunk, 0, size, lanes);
    }
    return masses ? total : Float.NaN;
  }

  /** Whether none of {@code masses[0..n)} is negative or NaN. */
  private static boolean areMasses(float[] masses, int n) {
    int vectors = Lanes.FLOATS.loopBound(n);
    VectorMask<Float> all = Lanes.FLOATS.maskAll(true);
    for (int id = 0; id < vectors; id += Lanes.COUNT) {
      all = all.and(Lanes.load(masses, id).compare(VectorOperators.GE, 0f));
    }
    boolean holds = all.allTrue();
    for (int id = vectors; id < n; id++) {
      holds &= masses[id] >= 0;
    }
    return holds;
  }

  @Override
  public float sum(float[] masses, int n) {
    return Dots.sum(masses, n, lanes());
  }

  @Override
  public int draw(float[] masses, int n, float uniform) {
    int chunks = Math.ceilDiv(n, CanonicalMath.CHUNK);
    float[] totals = own.floats(Floats.SCORES, chunks);
    float[] lanes = lanes();
    float total = 0f;
    for (int c = 0; c < chunks; c++) {
      int start = c * CanonicalMath.CHUNK;
      totals[c] = Dots.chunk(masses, start, Math.min(n - start, CanonicalMath.CHUNK), lanes);
      total += totals[c];
    }
    float threshold = uniform * total;
    float before = 0f;
    float reached = 0f;
    int chunk = 0;
    for (int c = 0; c < chunks && before <= threshold; c++) {
      if (totals[c] > 0) {
        chunk = c;
        reached = before;
      }
      before += totals[c];
    }
    int last = chunk * CanonicalMath.CHUNK;
    int end = Math.min(n - last, CanonicalMath.CHUNK) + last;
    for (int id = last; id < end && reached <= threshold; id++) {
      last = masses[id] > 0 ? id : last;
      reached += masses[id];
    }
    return last;
  }

  @Override
  public int highest(float[] masses, int n) {
    int vectors = Lanes.FLOATS.loopBound(n);
    FloatVector most = Lanes.broadcast(0f);
    for (int id = 0; id < vectors; id += Lanes.COUNT) {
      most = most.max(Lanes.load(masses, id));
    }
    float highest = most.reduceLanes(VectorOperators.MAX);
    for (int id = vectors; id < n; id++) {
      highest = Math.max(highest, masses[id]);
    }
    int id = 0;
    while (id < vectors && !Lanes.load(masses, id).compare(VectorOperators.EQ, highest).anyTrue()) {
      id += Lanes.COUNT;
    }
    while (masses[id] != highest) {
      id++;
    }
    return id;
  }

  @Override
  public void divide(float[] masses, int n, float by) {
    int vectors = Lanes.FLOATS.loopBound(n);
    for (int id = 0; id < vectors; id += Lanes.COUNT) {
      Lanes.load(masses, id).div(by).intoArray(masses, id);
    }
    for (int id = vectors; id < n; id++) {
      masses[id] /= by;
    }
  }

  private float[] lanes() {
    return own.floats(Floats.PARTIAL, CanonicalMath.LANES);
  }
}
