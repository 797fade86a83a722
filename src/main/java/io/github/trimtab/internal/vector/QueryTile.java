package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.CanonicalMath;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Some queries of a key/value head and their canonical logits with all its tokens: a row of logits
 * a query, for a softmax that needs all of them before it has a weight. The keys are widened and
 * laid out once for the whole tile.
 *
 * <p>Threads: one at a time; a workspace has one.
 */
final class QueryTile {
  /** Logits that stay in the second-level cache. */
  private static final int LOGITS = 1 << 17;

  private static final int FEWEST = 16;

  /** Most queries of a tile. */
  static final int MOST = 64;

  /** Keys laid out at once; a multiple of every panel. */
  private static final int BLOCK = 64;

  /** Keeps rows of a power of two from meeting in the same cache sets. */
  private static final int ROW_GAP = 16;

  private final Workspace own;
  private int row;
  private int head;
  private int tokens;
  private int headDim;
  private int stride;
  private int size;
  private int held;
  private float[] queries = new float[0];
  private float[] logits = new float[0];

  QueryTile(Workspace own) {
    this.own = own;
  }

  /** Begins a head; the tile is empty. */
  void begin(@Nullable PagedKv history, @Nullable NewTokens fresh, int row, int head, int headDim) {
    this.row = row;
    this.head = head;
    this.headDim = headDim;
    tokens = KvAccess.tokens(history, fresh, row, head);
    stride = (tokens + KeyPanel.KEYS - 1 & -KeyPanel.KEYS) + ROW_GAP;
    size = Math.clamp(LOGITS / stride, FEWEST, MOST) & -2;
    queries = own.zeroFloats(Floats.QUERIES, MOST * Dots.padded(headDim));
    logits = own.floats(Floats.LOGITS, Math.multiplyExact(size, stride));
    held = 0;
  }

  /** Tokens of the head. */
  int tokens() {
    return tokens;
  }

  /** Queries in the tile. */
  int held() {
    return held;
  }

  boolean isFull() {
    return held == size;
  }

  void clear() {
    held = 0;
  }

  /** Adds a query to a tile that is not full. */
  void add(Tensor q, int queryHead, int place) {
    int padded = Dots.padded(headDim);
    Source.tensor(q, row, queryHead, place, 1, queries, held * padded, padded);
    held++;
  }

  /** The rows of logits that {@link #fill} wrote; what lies between and behind them may change. */
  float[] logits() {
    return logits;
  }

  /** Where a query's logits begin; there is room for whole vectors. */
  int at(int query) {
    return query * stride;
  }

  /** Computes every query's logits with tokens {@code [0, visible)}. */
  void fill(@Nullable PagedKv history, @Nullable NewTokens fresh, int visible, float scale) {
    int padded = Dots.padded(headDim);
    float[] rows = own.floats(Floats.KEYS, BLOCK * padded);
    float[] panels = own.floats(Floats.VALUES, BLOCK * padded);
    float[] scratch = own.floats(Floats.PARTIAL, KeyPanel.SCRATCH);
    for (int t = 0; t < visible; t += BLOCK) {
      int count = Math.min(BLOCK, visible - t);
      Source.read(history, fresh, row, head, t, count, false, rows, padded);
      Dots.pad(rows, count, headDim);
      KeyPanel.transpose(rows, count, padded, panels);
      for (int k = 0; k < count; k += KeyPanel.KEYS) {
        // An odd query has a neighbour left from before, whose row nobody reads.
        for (int i = 0; i < held; i += 2) {
          KeyPanel.dots(
              panels,
              k * padded,
              padded,
              queries,
              i * padded,
              scale,
              logits,
              at(i) + t + k,
              stride,
              scratch);
        }
      }
    }
  }

  /** {@link CanonicalMath#sum} of what a query's row holds from {@code from} to {@code to}. */
  float sum(int query, int from, int to) {
    float[] lanes = own.floats(Floats.PARTIAL, CanonicalMath.LANES);
    return Dots.sum(logits, at(query) + from, to - from, lanes);
  }
}
