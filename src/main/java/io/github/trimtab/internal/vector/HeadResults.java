package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.LT;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.HeadAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * What is made of a chunk's logits while they are in cache, and of all chunks together.
 *
 * <p>A chunk leaves its highest logits as keys, best first, and of each vector its largest logit
 * and its sum of exponentials. A chunk whose list is full bounds what can still be among the
 * highest: chunks that come later pass over all below that floor with one comparison a vector. The
 * floor is raised without a lock, since a stale one only lets more candidates through.
 */
final class HeadResults {
  /** Distance of two vectors' logits of a chunk. */
  static final int STRIDE = CanonicalMath.CHUNK + Lanes.COUNT;

  private HeadResults() {}

  /** The most keys that a chunk can leave. */
  private static int keysOfChunk(Head op) {
    return Math.min(op.top(), CanonicalMath.CHUNK);
  }

  /** Where the keys of a vector's chunk begin. */
  private static int keys(Head op, int chunks, int vector, int chunk) {
    return (vector * chunks + chunk) * keysOfChunk(op);
  }

  static void prepare(Head op, int chunks, Workspace shared) {
    shared.floats(Floats.PARTS, 2 * chunks * op.vectors());
    int keys = Math.multiplyExact(chunks * op.vectors(), keysOfChunk(op));
    Arrays.fill(shared.longs(keys), 0, keys, Long.MAX_VALUE);
    Arrays.fill(shared.ints(Ints.FLOORS, op.vectors()), 0, op.vectors(), Integer.MIN_VALUE);
  }

  /**
   * Takes the logits of one chunk.
   *
   * @param logits {@code count} of vector v from {@code v * STRIDE}
   */
  static void chunk(
      Head op, int chunk, int count, float[] logits, Workspace shared, Workspace own) {
    int chunks = Math.ceilDiv(HeadAccess.count(op.rows()), CanonicalMath.CHUNK);
    int first = chunk * CanonicalMath.CHUNK;
    Tensor all = op.logits();
    for (int v = 0; v < op.vectors(); v++) {
      int at = v * STRIDE;
      if (all != null) {
        MemorySegment.copy(
            logits,
            at,
            all.segment(),
            ValueLayout.JAVA_FLOAT_UNALIGNED,
            all.offset(v, first),
            count);
      }
      if (op.logSumExp() != null) {
        exponentials(
            logits,
            at,
            count,
            shared.floats(Floats.PARTS, 0),
            2 * (v * chunks + chunk),
            own.floats(Floats.ROW, STRIDE),
            own.floats(Floats.PARTIAL, CanonicalMath.LANES));
      }
      if (op.top() > 0) {
        Arrays.fill(logits, at + count, at + STRIDE, Float.NaN);
        highest(op, first, count, logits, at, shared, keys(op, chunks, v, chunk), v);
      }
    }
  }

  private static void exponentials(
      float[] logits, int at, int count, float[] parts, int part, float[] exps, float[] lanes) {
    float max = SoftmaxScore.max(logits, at, count);
    parts[part] = max;
    VectorExp.ofNonPositive(logits, at, count, max, exps, 0);
    parts[part + 1] = Dots.sum(exps, count, lanes);
  }

  /** Keeps the chunk's highest logits as keys that rise from the best. */
  private static void highest(
      Head op,
      int first,
      int count,
      float[] logits,
      int at,
      Workspace shared,
      int keysAt,
      int vector) {
    int most = keysOfChunk(op);
    long[] keys = shared.longs(0);
    int[] floors = shared.ints(Ints.FLOORS, 0);
    int held = 0;
    int floor = floors[vector];
    float least = CanonicalMath.ofRank(floor); // NaN, as long as there is no floor
    for (int t = 0; t < count; t += Lanes.COUNT) {
      if (FloatVector.fromArray(Lanes.FLOATS, logits, at + t).compare(LT, least).allTrue()) {
        continue;
      }
      for (int i = t; i < Math.min(t + Lanes.COUNT, count); i++) {
        int rank = CanonicalMath.rank(logits[at + i]);
        if (rank < floor) {
          continue;
        }
        long key = key(rank, first + i);
        if (held < most || key < keys[keysAt + held - 1]) {
          held = insert(keys, keysAt, held, most, key);
          if (held == op.top()) {
            floor = Math.max(floor, rank(keys[keysAt + held - 1]));
            least = CanonicalMath.ofRank(floor);
          }
        }
      }
    }
    if (floor > floors[vector]) {
      floors[vector] = floor;
    }
  }

  /** Keys rise as logits fall, and among equal logits as places rise. */
  private static long key(int rank, int place) {
    return ((long) ~rank << 32) | place;
  }

  private static int rank(long key) {
    return ~(int) (key >> 32);
  }

  private static int insert(long[] keys, int at, int held, int most, long key) {
    int i = Math.min(held, most - 1);
    for (; i > 0 && keys[at + i - 1] > key; i--) {
      keys[at + i] = keys[at + i - 1];
    }
    keys[at + i] = key;
    return Math.min(held + 1, most);
  }

  /** Completes the results from what the chunks left. */
  static void finish(Head op, int chunks, Workspace shared) {
    for (int v = 0; v < op.vectors(); v++) {
      Tensor logSumExp = op.logSumExp();
      if (logSumExp != null) {
        float[] parts = shared.floats(Floats.PARTS, 0);
        float sum = CanonicalMath.logSumExp(parts, 2 * v * chunks, chunks);
        logSumExp.setFloatAt(logSumExp.offset(v), sum);
      }
      Tensor ids = op.ids();
      Tensor values = op.values();
      if (ids != null && values != null) {
        best(op, chunks, v, ids, values, shared);
      }
      Tensor all = op.logits();
      int count = HeadAccess.count(op.rows());
      for (int place = count; all != null && place < all.size(1); place++) {
        all.setFloatAt(all.offset(v, place), Float.NEGATIVE_INFINITY);
      }
    }
  }

  private static void best(
      Head op, int chunks, int vector, Tensor ids, Tensor values, Workspace shared) {
    long[] keys = shared.longs(0);
    int start = keys(op, chunks, vector, 0);
    int end = keys(op, chunks, vector + 1, 0);
    int floor = shared.ints(Ints.FLOORS, 0)[vector];
    int n = start;
    for (int i = start; i < end; i++) {
      if (keys[i] != Long.MAX_VALUE && rank(keys[i]) >= floor) {
        keys[n++] = keys[i];
      }
    }
    Arrays.sort(keys, start, n);
    for (int i = 0; i < op.top(); i++) {
      boolean present = start + i < n;
      int id = present ? HeadAccess.id(op.rows(), (int) keys[start + i]) : -1;
      float value = present ? CanonicalMath.ofRank(rank(keys[start + i])) : Float.NEGATIVE_INFINITY;
      ids.setIntegerAt(ids.offset(vector, i), id);
      values.setFloatAt(values.offset(vector, i), value);
    }
  }
}
