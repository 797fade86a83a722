package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A tile of queries of one key/value head: the queries of all its query heads in a row, head after
 * head, in panels. Holds their running maxima, sums and weighted values while blocks of keys pass.
 */
final class AttendTile {
  /** Keys of a block. */
  private static final int BLOCK = 128;

  /** Keeps rows of a power of two from meeting in the same cache sets. */
  private static final int ROW_GAP = 16;

  /** Floats of state a query: maximum, sum, and a factor that a panel needs in between. */
  private static final int STATE = 3;

  private int row;
  private int head;
  private int panels;
  private int width;
  private int headDim;

  /** Elements of a query or result: the head dim, or more where a row takes whole vectors. */
  private int room;

  private int stride;
  private float scale;
  private Mask mask = Mask.NONE;
  private boolean finiteValues;

  /** Place of each lane's query among the row's, -1 for a lane without one. */
  private int[] places = new int[0];

  /** For each query of a tree, a bit for itself and for each of its ancestors. */
  private long[] ancestors = new long[0];

  private float[] queries = new float[0];
  private float[] keys = new float[0];
  private float[] values = new float[0];
  private float[] logits = new float[0];
  private float[] state = new float[0];
  private float[] out = new float[0];

  /**
   * Attends with some queries of a head.
   *
   * @param width queries of a panel: {@link AttendPanel#QUERIES}, or 1 for rows of {@link
   *     AttendRow}
   */
  void run(Attend op, int row, int head, int width, int firstPanel, int panels, Workspace own) {
    this.width = width;
    this.row = row;
    this.head = head;
    this.panels = panels;
    prepare(op, own);
    loadQueries(op, firstPanel, own);
    loadAncestors(op, own);
    int history = KvAccess.historyTokens(op.history(), row, head);
    int fresh = KvAccess.newTokens(op.fresh(), row);
    for (int t = 0; t < history; t += BLOCK) {
      block(op, t, Math.min(BLOCK, history - t), -1);
    }
    int seen = mask == Mask.NONE ? fresh : Math.min(fresh, largestPlace(0, panels * width) + 1);
    for (int t = 0; t < seen; t += BLOCK) {
      block(op, history + t, Math.min(BLOCK, seen - t), t);
    }
    store(op, firstPanel, history, fresh, own);
  }

  private void prepare(Attend op, Workspace own) {
    headDim = (int) op.q().size(3);
    room = width == 1 ? AttendRow.room(headDim) : headDim;
    stride = width == 1 ? room : headDim + ROW_GAP;
    scale = op.scale();
    mask = op.mask();
    int lanes = panels * width;
    queries = own.zeroFloats(Floats.QUERIES, lanes * room);
    out = own.zeroFloats(Floats.OUT, lanes * room);
    keys = own.floats(Floats.KEYS, BLOCK * stride);
    values = own.floats(Floats.VALUES, BLOCK * stride);
    zeroEnds(keys);
    zeroEnds(values);
    logits = own.floats(Floats.LOGITS, Dots.room(BLOCK * width));
    state = own.zeroFloats(Floats.STATE, STATE * lanes);
    for (int p = 0; p < panels; p++) {
      int at = STATE * p * width;
      Arrays.fill(state, at, at + width, Float.NEGATIVE_INFINITY);
    }
    places = own.ints(Ints.VISIBLE, lanes);
  }

  /** Rows of keys and values end in zeros up to a whole vector; reading tokens leaves them. */
  private void zeroEnds(float[] rows) {
    for (int i = headDim; width == 1 && i < BLOCK * stride; i += stride) {
      Arrays.fill(rows, i, i + room - headDim, 0f);
    }
  }

  /** The query head of a lane, or one past the group where there is none. */
  private static int member(Attend op, int query) {
    return (int) (query / op.q().size(2));
  }

  private static int group(Attend op) {
    return (int) (op.q().size(1) / op.heads());
  }

  private void loadQueries(Attend op, int firstPanel, Workspace own) {
    Tensor lengths = op.queryLengths();
    int perHead = (int) op.q().size(2);
    int valid = lengths == null ? perHead : KvAccess.at(lengths, row);
    float[] query = own.floats(Floats.ROW, headDim);
    for (int lane = 0; lane < panels * width; lane++) {
      int index = firstPanel * width + lane;
      int member = member(op, index);
      int place = index % perHead;
      places[lane] = member < group(op) && place < valid ? place : -1;
      if (places[lane] >= 0) {
        Source.tensor(op.q(), row, head * group(op) + member, place, 1, query, 0, headDim);
        int to = lane / width * width * room + lane % width;
        for (int d = 0; d < headDim; d++) {
          queries[to + d * width] = query[d];
        }
      }
    }
  }

  private void loadAncestors(Attend op, Workspace own) {
    Tensor parents = op.parents();
    if (parents == null) {
      return;
    }
    int count = 1 + largestPlace(0, panels * width);
    ancestors = own.longs(count);
    for (int i = 0; i < count; i++) {
      int parent = KvAccess.at(parents, row, i);
      ancestors[i] = 1L << i | (parent < 0 ? 0 : ancestors[parent]);
    }
  }

  private int largestPlace(int from, int to) {
    int largest = -1;
    for (int lane = from; lane < to; lane++) {
      largest = Math.max(largest, places[lane]);
    }
    return largest;
  }

  /** Smallest place of the lanes that have a query. */
  private int smallestPlace(int from, int to) {
    int smallest = Integer.MAX_VALUE;
    for (int lane = from; lane < to; lane++) {
      smallest = places[lane] < 0 ? smallest : Math.min(smallest, places[lane]);
    }
    return smallest;
  }

  /**
   * Lets every panel attend to tokens {@code [from, from + count)}.
   *
   * @param fresh number of the first among the new tokens, -1 in history
   */
  private void block(Attend op, int from, int count, int fresh) {
    Source.read(op.history(), op.fresh(), row, head, from, count, false, keys, stride);
    Source.read(op.history(), op.fresh(), row, head, from, count, true, values, stride);
    Arrays.fill(keys, count * stride, (count + 3 & -4) * stride, 0f);
    boolean masked = fresh >= 0 && mask != Mask.NONE;
    finiteValues = !masked || finite(values, count);
    for (int p = 0; p < panels; p++) {
      int firstLane = p * width;
      int last = largestPlace(firstLane, firstLane + width);
      if (last < 0 || (masked && last < fresh)) {
        continue;
      }
      boolean partly =
          masked
              && (mask == Mask.TREE
                  || smallestPlace(firstLane, firstLane + width) < fresh + count - 1);
      panel(p, count, partly, fresh);
    }
  }

  private void panel(int p, int count, boolean partly, int fresh) {
    int at = p * width * room;
    int stateAt = STATE * p * width;
    if (width == 1) {
      AttendRow.logits(queries, at, keys, stride, count, headDim, scale, logits);
    } else {
      AttendPanel.logits(queries, at, keys, stride, count, headDim, scale, logits);
    }
    if (partly) {
      hide(p * width, count, fresh);
    }
    if (width == 1) {
      AttendRow.softmax(logits, count, state, stateAt, out, at, room);
    } else {
      AttendPanel.softmax(logits, count, state, stateAt, out, at, headDim);
    }
    if (partly && !finiteValues) {
      accumulateVisible(p * width, count, fresh, at);
    } else if (width == 1) {
      AttendRow.accumulate(logits, count, values, stride, out, at);
    } else {
      AttendPanel.accumulate(logits, count, values, stride, out, at, headDim);
    }
  }

  private boolean sees(int place, int token) {
    return place < 0
        || (mask == Mask.CAUSAL ? token <= place : (ancestors[place] >>> token & 1) != 0);
  }

  private void hide(int firstLane, int count, int fresh) {
    for (int lane = 0; lane < width; lane++) {
      int place = places[firstLane + lane];
      for (int k = mask == Mask.CAUSAL ? Math.max(place - fresh, 0) : 0; k < count; k++) {
        if (!sees(place, fresh + k)) {
          logits[k * width + lane] = Float.NEGATIVE_INFINITY;
        }
      }
    }
  }

  /** Whether weights of 0 make zeros of all values, so that hidden tokens need not be left out. */
  private boolean finite(float[] values, int count) {
    for (int k = 0; k < count; k++) {
      for (int d = 0; d < headDim; d++) {
        if (!Float.isFinite(values[k * stride + d])) {
          return false;
        }
      }
    }
    return true;
  }

  private void accumulateVisible(int firstLane, int count, int fresh, int outIndex) {
    for (int k = 0; k < count; k++) {
      for (int lane = 0; lane < width; lane++) {
        if (sees(places[firstLane + lane], fresh + k)) {
          float weight = logits[k * width + lane];
          for (int d = 0; d < headDim; d++) {
            int at = outIndex + d * width + lane;
            out[at] = Math.fma(weight, values[k * stride + d], out[at]);
          }
        }
      }
    }
  }

  /** Divides by the sums and writes what belongs to a query of the operation. */
  private void store(Attend op, int firstPanel, int history, int fresh, Workspace own) {
    int perHead = (int) op.q().size(2);
    Tensor lse = op.lse();
    float[] result = own.floats(Floats.ROW, headDim);
    for (int lane = 0; lane < panels * width; lane++) {
      int p = lane / width;
      int at = p * width * room + lane % width;
      int stateAt = STATE * p * width + lane % width;
      if (lane % width == 0) {
        divide(p);
      }
      int index = firstPanel * width + lane;
      int member = member(op, index);
      if (member >= group(op)) {
        continue;
      }
      int queryHead = head * group(op) + member;
      boolean any = places[lane] >= 0 && (history > 0 || seesNew(places[lane], fresh));
      for (int d = 0; d < headDim; d++) {
        result[d] = any ? out[at + d * width] : 0f;
      }
      long to = op.out().offset(row, queryHead, index % perHead);
      MemorySegment.copy(result, 0, op.out().segment(), Workspace.FLOAT, to, headDim);
      if (lse != null) {
        float sum = state[stateAt + width];
        float value = any ? state[stateAt] + (float) Math.log(sum) : Float.NEGATIVE_INFINITY;
        lse.setFloatAt(lse.offset(row, queryHead, index % perHead), value);
      }
    }
  }

  private void divide(int p) {
    int at = p * width * room;
    int stateAt = STATE * p * width;
    if (width == 1) {
      AttendRow.divide(out, at, room, state[stateAt + width]);
    } else {
      AttendPanel.divide(out, at, headDim, state, stateAt);
    }
  }

  /** Whether a query sees any of the first {@code fresh} new tokens. */
  private boolean seesNew(int place, int fresh) {
    if (mask != Mask.TREE || place < 0) {
      return fresh > 0;
    }
    long valid = fresh >= Long.SIZE ? -1L : (1L << fresh) - 1;
    return (ancestors[place] & valid) != 0;
  }
}
