package io.github.trimtab.internal.vector;

import static io.github.trimtab.internal.vector.Lanes.INTS;
import static jdk.incubator.vector.IntVector.fromArray;
import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.IS_NAN;
import static jdk.incubator.vector.VectorOperators.XOR;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.EvictChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the window and the highest-scored other tokens.
 *
 * <p>Scores become ints in the order of {@link CanonicalMath#rank}; the window gets the largest
 * int, so that it comes first. The capacity-th largest rank is found by bisection, each step one
 * counting pass over a head's ranks in cache, and the chosen indices are compressed out in one
 * ascending pass. Among equal ranks at the threshold the lowest indices fill the capacity.
 */
final class VectorSelect {
  private VectorSelect() {}

  static void run(Select op, Workers workers, Workspace shared) {
    EvictChecks.check(op);
    int heads = (int) op.scores().size(1);
    workers.run(op, (int) op.scores().size(0) * heads, shared, VectorSelect::task);
  }

  private static void task(Select op, int index, Workspace shared, Workspace own) {
    int heads = (int) op.scores().size(1);
    int row = index / heads;
    int head = index % heads;
    int list = op.capacity().size(1) == 1 ? 0 : head;
    int capacity = KvAccess.at(op.capacity(), row, list);
    int tokens = KvAccess.tokens(op, row, head);
    head(op.scores(), tokens, op.window(), capacity, row, head, op.indices(), own);
  }

  /** Chooses for one head, and writes the indices in ascending order with -1 behind them. */
  static void head(
      Tensor scores,
      int tokens,
      @Nullable Tensor window,
      int capacity,
      int row,
      int head,
      Tensor indices,
      Workspace own) {
    if (indices.size(2) == 0) {
      return;
    }
    int n = Math.min(tokens, capacity);
    int[] chosen = own.ints(Ints.CHOSEN, n + Lanes.COUNT);
    if (n == tokens) {
      for (int t = 0; t < n; t++) {
        chosen[t] = t;
      }
    } else if (n > 0) {
      int[] ranks = ranks(scores, tokens, window, row, head, own);
      choose(ranks, tokens, n, chosen);
    }
    MemorySegment out = indices.segment();
    long offset = indices.offset(row, head);
    MemorySegment.copy(chosen, 0, out, ValueLayout.JAVA_INT_UNALIGNED, offset, n);
    for (long i = n; i < indices.size(2); i++) {
      out.set(ValueLayout.JAVA_INT_UNALIGNED, offset + 4 * i, -1);
    }
  }

  /**
   * Writes the indices of the {@code keep} largest of {@code count} values from {@code index}, in
   * ascending order, 0 < keep < count.
   *
   * @param chosen with room for a vector more
   */
  static void largest(float[] from, int index, int count, int keep, int[] chosen, Workspace own) {
    float[] values = own.floats(Floats.ROW, count + Lanes.COUNT);
    System.arraycopy(from, index, values, 0, count);
    Arrays.fill(values, count, count + Lanes.COUNT, Float.NaN);
    int[] ranks = own.ints(Ints.RANKS, count + Lanes.COUNT);
    rank(values, count, ranks);
    choose(ranks, count, keep, chosen);
  }

  /** Ranks of a head's scores, padded with the lowest to whole vectors. */
  private static int[] ranks(
      Tensor scores, int tokens, @Nullable Tensor window, int row, int head, Workspace own) {
    float[] values = own.floats(Floats.ROW, tokens + Lanes.COUNT);
    MemorySegment.copy(
        scores.segment(),
        ValueLayout.JAVA_FLOAT_UNALIGNED,
        scores.offset(row, head),
        values,
        0,
        tokens);
    Arrays.fill(values, tokens, tokens + Lanes.COUNT, Float.NaN);
    int[] ranks = own.ints(Ints.RANKS, tokens + Lanes.COUNT);
    rank(values, tokens, ranks);
    for (int p = 0; window != null && p < window.size(1); p++) {
      int position = KvAccess.at(window, row, p);
      if (position >= 0) {
        ranks[position] = Integer.MAX_VALUE;
      }
    }
    return ranks;
  }

  /** {@link CanonicalMath#rank} in every lane. */
  private static void rank(float[] values, int tokens, int[] ranks) {
    for (int t = 0; t < tokens; t += Lanes.COUNT) {
      FloatVector score = FloatVector.fromArray(Lanes.FLOATS, values, t);
      IntVector bits = score.add(0f).reinterpretAsInts();
      bits.lanewise(XOR, bits.lanewise(ASHR, 31).lanewise(AND, Integer.MAX_VALUE))
          .blend(Integer.MIN_VALUE, score.test(IS_NAN).cast(INTS))
          .intoArray(ranks, t);
    }
  }

  /** Writes the indices of the {@code keep} largest ranks, 0 < keep < tokens. */
  private static void choose(int[] ranks, int tokens, int keep, int[] chosen) {
    int padded = (tokens + Lanes.COUNT - 1) & -Lanes.COUNT;
    // The largest threshold that at least keep ranks reach lies in [low, high).
    long low = min(ranks, padded);
    long high = max(ranks, padded) + 1L;
    int reaching = padded;
    while (high - low > 1 && reaching != keep) {
      long middle = (low + high) >> 1;
      int count = count(ranks, padded, (int) middle);
      if (count >= keep) {
        low = middle;
        reaching = count;
      } else {
        high = middle;
      }
    }
    int threshold = (int) low;
    if (reaching == keep) {
      int _ = emit(ranks, 0, tokens, threshold, chosen, 0);
      return;
    }
    int above = threshold + 1;
    int equal = keep - count(ranks, padded, above);
    int cut = after(ranks, threshold, equal);
    int n = emit(ranks, 0, cut, threshold, chosen, 0);
    int _ = emit(ranks, cut, tokens, above, chosen, n);
  }

  private static int min(int[] ranks, int padded) {
    IntVector min = fromArray(INTS, ranks, 0);
    for (int t = Lanes.COUNT; t < padded; t += Lanes.COUNT) {
      min = min.min(fromArray(INTS, ranks, t));
    }
    return min.reduceLanes(VectorOperators.MIN);
  }

  private static int max(int[] ranks, int padded) {
    IntVector max = fromArray(INTS, ranks, 0);
    for (int t = Lanes.COUNT; t < padded; t += Lanes.COUNT) {
      max = max.max(fromArray(INTS, ranks, t));
    }
    return max.reduceLanes(VectorOperators.MAX);
  }

  /** How many ranks are at least {@code threshold}. */
  private static int count(int[] ranks, int padded, int threshold) {
    IntVector bound = IntVector.broadcast(INTS, threshold);
    IntVector one = IntVector.broadcast(INTS, 1);
    IntVector a = IntVector.zero(INTS);
    IntVector b = a;
    int t = 0;
    for (; t + 2 * Lanes.COUNT <= padded; t += 2 * Lanes.COUNT) {
      a = a.add(one, fromArray(INTS, ranks, t).compare(GE, bound));
      b = b.add(one, fromArray(INTS, ranks, t + Lanes.COUNT).compare(GE, bound));
    }
    if (t < padded) {
      a = a.add(one, fromArray(INTS, ranks, t).compare(GE, bound));
    }
    return a.add(b).reduceLanes(VectorOperators.ADD);
  }

  /** The index behind the {@code nth} rank that equals {@code threshold}. */
  private static int after(int[] ranks, int threshold, int nth) {
    int t = 0;
    while (true) {
      int equal = fromArray(INTS, ranks, t).compare(EQ, threshold).trueCount();
      if (equal >= nth) {
        break;
      }
      nth -= equal;
      t += Lanes.COUNT;
    }
    while (nth > 0) {
      nth -= ranks[t] == threshold ? 1 : 0;
      t++;
    }
    return t;
  }

  /** Appends the indices of ranks of at least {@code threshold}; returns where it stopped. */
  private static int emit(int[] ranks, int from, int to, int threshold, int[] chosen, int n) {
    int t = from;
    IntVector indices = IntVector.broadcast(INTS, from).addIndex(1);
    for (; t + Lanes.COUNT <= to; t += Lanes.COUNT) {
      VectorMask<Integer> mask = fromArray(INTS, ranks, t).compare(GE, threshold);
      indices.compress(mask).intoArray(chosen, n);
      n += mask.trueCount();
      indices = indices.add(Lanes.COUNT);
    }
    for (; t < to; t++) {
      if (ranks[t] >= threshold) {
        chosen[n++] = t;
      }
    }
    return n;
  }
}
