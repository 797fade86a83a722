package io.github.trimtab.kv;

import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Keeps the newest tokens and, of the others, those that all queries so far gave most attention
 * (heavy hitters: H2O, arXiv 2306.14048).
 *
 * <p>The sums of softmax weights belong to tokens and follow them when others are forgotten, for
 * each layer, row and head. They are this object's state: one object serves one cache, and a row
 * that holds nothing starts anew, so that clearing the cache between pictures is enough. Rows that
 * come to hold tokens in another way need {@link #share}.
 *
 * <p>Rows whose outputs are subtracted from each other, as those of classifier-free guidance, do
 * better to forget the same tokens: what both lack then cancels to a part ({@link #together}).
 *
 * <p>Threads: one at a time, as the cache.
 */
public final class H2o implements EvictionPolicy {
  private final EvictionPolicy counts;
  private final int recent;
  private final float scale;
  private final Mask mask;
  private final int together;
  // Sums of the tokens held, by layer, then row and head.
  private final List<float[][]> sums = new ArrayList<>();

  /**
   * A policy that has seen nothing.
   *
   * @param heavy tokens kept for their sums, 0 or more
   * @param recent newest tokens kept, 0 or more; the paper gives both as many
   * @param scale multiplies q.k
   * @param mask CAUSAL for language models, NONE where all new tokens see each other
   */
  public H2o(int heavy, int recent, float scale, Mask mask) {
    this(counting(heavy, recent), recent, scale, mask);
  }

  private static EvictionPolicy counting(int heavy, int recent) {
    if (heavy < 0 || recent < 0 || heavy + (long) recent > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "heavy, recent: " + heavy + ", " + recent + ", expected 0 or more, below 2^31 in all");
    }
    Retention counted = new Retention.Counted(heavy + recent);
    return (layer, step, newTokens) -> counted;
  }

  /**
   * A policy that keeps as many tokens of each head as another one would, but these ones.
   *
   * @param counts how many
   * @param recent newest tokens kept among them, 0 or more
   * @param scale multiplies q.k
   * @param mask CAUSAL for language models, NONE where all new tokens see each other
   */
  public H2o(EvictionPolicy counts, int recent, float scale, Mask mask) {
    this(counts, recent, scale, mask, 1);
    if (recent < 0) {
      throw new IllegalArgumentException("recent: " + recent + ", expected 0 or more");
    }
  }

  private H2o(EvictionPolicy counts, int recent, float scale, Mask mask, int together) {
    this.counts = counts;
    this.recent = recent;
    this.scale = scale;
    this.mask = mask;
    this.together = together;
  }

  /**
   * A policy that has seen nothing, like this one, but each {@code rows} rows in succession keep
   * the same tokens: those that all their queries gave most attention. They stand at one step and
   * hold equally many tokens.
   *
   * @param rows 1 or more, a divisor of the cache's
   */
  public H2o together(int rows) {
    if (rows < 1) {
      throw new IllegalArgumentException("rows: " + rows + ", expected 1 or more");
    }
    return new H2o(counts, recent, scale, mask, rows);
  }

  @Override
  public boolean decidesAhead() {
    return false;
  }

  @Override
  public Retention after(int layer, int step, int newTokens) {
    return counts.after(layer, step, newTokens);
  }

  @Override
  public void store(KvCache cache, int layer, int[] steps, Tensor q, NewTokens fresh) {
    int rows = cache.rows();
    int heads = cache.heads();
    if (rows % together != 0) {
      throw new IllegalArgumentException(
          "rows of the cache: "
              + rows
              + ", expected a multiple of the "
              + together
              + " that choose together");
    }
    cache.requireOneForEachRow("steps", steps.length);
    int[] newTokens = cache.newTokens(fresh);
    float[][] before = sums(cache, layer);
    int[] added = new int[rows];
    Arrays.setAll(added, row -> steps[row] == IDLE ? 0 : newTokens[row]);
    // Those of this step, then of all steps.
    Tensor scores = cache.columnSums(layer, q, fresh.lengths(), fresh, mask, scale);
    add(before, scores);
    for (int row = 0; row < rows; row += together) {
      agree(cache, layer, steps, added, row, scores);
    }
    int[][] wanted = wanted(cache, layer, steps, added);
    Tensor hitters = hitters(cache, layer, added, wanted, scores);
    float[][] after = before.clone();
    List<Retention> retentions = new ArrayList<>(rows);
    for (int row = 0; row < rows; row++) {
      if (added[row] == 0) {
        retentions.add(new Retention.History());
        continue;
      }
      int[][] kept = new int[heads][];
      for (int head = 0; head < heads; head++) {
        int held = cache.tokens(layer, row, head);
        int[] tokens = survivors(hitters, row, head, held + added[row], wanted[row][head]);
        after[row * heads + head] = sumsOf(tokens, scores, row, head);
        kept[head] = Arrays.stream(tokens).map(token -> token - held).toArray();
      }
      retentions.add(new Retention.Chosen(kept));
    }
    cache.store(layer, q, fresh, newTokens, retentions);
    sums.set(layer, after);
  }

  private static void add(float[][] before, Tensor scores) {
    int heads = (int) scores.size(1);
    for (int list = 0; list < before.length; list++) {
      for (int token = 0; token < before[list].length; token++) {
        long at = scores.offset(list / heads, list % heads, token);
        scores.setFloatAt(at, scores.floatAt(at) + before[list][token]);
      }
    }
  }

  /** Tokens that stay in each row and head; 0 in a row without new ones. */
  private int[][] wanted(KvCache cache, int layer, int[] steps, int[] added) {
    int[][] wanted = new int[added.length][cache.heads()];
    for (int row = 0; row < added.length; row++) {
      for (int head = 0; head < cache.heads() && added[row] > 0; head++) {
        int held = cache.tokens(layer, row, head);
        wanted[row][head] =
            counts.after(layer, steps[row], added[row]).kept(head, held, added[row]);
      }
    }
    return wanted;
  }

  /** Gives rows that choose together the mean of their sums, added in rising order. */
  private void agree(KvCache cache, int layer, int[] steps, int[] added, int first, Tensor scores) {
    for (int head = 0; head < cache.heads() && together > 1; head++) {
      int held = cache.tokens(layer, first, head);
      int all = held + added[first];
      for (int row = first + 1; row < first + together; row++) {
        int heldToo = cache.tokens(layer, row, head);
        if (steps[row] != steps[first] || added[row] != added[first] || heldToo != held) {
          throw new IllegalArgumentException(
              "row %d: step %d, %d new tokens, %d held, expected %d, %d, %d as row %d has"
                  .formatted(
                      row,
                      steps[row],
                      added[row],
                      heldToo,
                      steps[first],
                      added[first],
                      held,
                      first));
        }
      }
      for (int token = 0; token < all; token++) {
        float sum = 0;
        for (int row = first; row < first + together; row++) {
          sum += scores.floatAt(scores.offset(row, head, token));
        }
        for (int row = first; row < first + together; row++) {
          scores.setFloatAt(scores.offset(row, head, token), sum / together);
        }
      }
    }
  }

  /** The sums of the tokens that a layer holds; none where it holds nothing. */
  private float[][] sums(KvCache cache, int layer) {
    while (sums.size() < cache.layers()) {
      float[][] none = new float[cache.rows() * cache.heads()][];
      Arrays.fill(none, new float[0]);
      sums.add(none);
    }
    float[][] known = sums.get(layer).clone();
    for (int list = 0; list < known.length; list++) {
      int held = cache.tokens(layer, list / cache.heads(), list % cache.heads());
      if (held == 0) {
        known[list] = new float[0];
      } else if (held != known[list].length) {
        throw new IllegalStateException(
            "tokens of layer "
                + layer
                + ", row "
                + list / cache.heads()
                + ": "
                + held
                + ", expected the "
                + known[list].length
                + " that this policy stored");
      }
    }
    return known;
  }

  /**
   * The tokens of the highest sums among those older than the newest, in each row and head.
   *
   * @param wanted tokens that stay, the newest included
   */
  private Tensor hitters(KvCache cache, int layer, int[] added, int[][] wanted, Tensor scores) {
    int rows = cache.rows();
    int heads = cache.heads();
    int[] older = new int[rows * heads];
    int[] capacity = new int[rows * heads];
    for (int list = 0; list < capacity.length; list++) {
      int row = list / heads;
      int newest = Math.min(recent, wanted[row][list % heads]);
      older[list] = Math.max(cache.tokens(layer, row, list % heads) + added[row] - newest, 0);
      capacity[list] = Math.min(wanted[row][list % heads] - newest, older[list]);
    }
    EvictionScratch scratch = cache.scratch();
    EvictionScratch.Ranked ranked = scratch.ranked(scores, older, capacity);
    Tensor chosen = scratch.indices(rows, heads, EvictionScratch.most(capacity));
    cache
        .kernels()
        .select(new Select(ranked.scores(), ranked.lengths(), null, ranked.capacity(), chosen));
    return scratch.onHost(chosen);
  }

  private int[] survivors(Tensor hitters, int row, int head, int all, int wanted) {
    int newest = Math.min(recent, wanted);
    int old = wanted - newest;
    int[] tokens = new int[wanted];
    for (int i = 0; i < old; i++) {
      tokens[i] = (int) hitters.integerAt(hitters.offset(row, head, i));
    }
    for (int i = 0; i < newest; i++) {
      tokens[old + i] = all - newest + i;
    }
    return tokens;
  }

  private static float[] sumsOf(int[] tokens, Tensor scores, int row, int head) {
    float[] kept = new float[tokens.length];
    for (int i = 0; i < kept.length; i++) {
      kept[i] = scores.floatAt(scores.offset(row, head, tokens[i]));
    }
    return kept;
  }

  /** Follows {@link KvCache#share}: what a row has seen counts for the other too. */
  public void share(KvCache cache, int fromRow, int toRow) {
    Objects.checkIndex(fromRow, cache.rows());
    Objects.checkIndex(toRow, cache.rows());
    int heads = cache.heads();
    for (float[][] layer : sums) {
      System.arraycopy(layer, fromRow * heads, layer, toRow * heads, heads);
    }
  }
}
