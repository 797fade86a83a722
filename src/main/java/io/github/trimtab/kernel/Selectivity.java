package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The attention selectivity index of a layer at a scale: how much of its attention falls on the
 * current map, times how much of it the K' most attended history tokens get. Canonical.
 *
 * <p>Per query the logits scale * q.k over all tokens, history first, and their log-sum-exp: of
 * each 256 tokens the max m and the canonical sum of exp(logit - m), combined in rising order. A
 * weight is exp(logit - log-sum-exp). The current share of a query is the canonical sum of its
 * weights on the new tokens; its history share adds the {@code top} largest weights on history (of
 * equal ones the lower index) to 0 in rising index. Each expectation is one canonical sum over the
 * valid queries (rows outer, then query heads, then queries) and one division by their number; the
 * index is the product of the two. Without any query all three are NaN. Nothing of the attention
 * matrix is kept. ScaleKV section 3.1, Eq. 2.
 *
 * <p>A logit of NaN or +inf makes every weight of its query NaN.
 *
 * <p>Untrusted at run time: lengths, page ids.
 *
 * @param q queries of the current map [R,H,M,D], F32, F16 or BF16
 * @param queryLengths valid queries of each row [R], I32, or null: all M
 * @param history paged keys of earlier maps, or null
 * @param fresh keys of the current map; values are not read
 * @param top K', 1 or more; more than a row's history takes all of it
 * @param scale multiplies q.k, finite
 * @param index result [3], F32: the mean share of the current map, the mean share of the K' most
 *     attended history tokens, and their product
 */
public record Selectivity(
    Tensor q,
    @Nullable Tensor queryLengths,
    @Nullable PagedKv history,
    NewTokens fresh,
    int top,
    float scale,
    Tensor index)
    implements Operation {
  private static final int MOST_QUERIES = 1 << 28;

  /** Checks everything that does not depend on the buffers' contents. */
  public Selectivity {
    Check.queriesAndKeys(q, queryLengths, history, fresh);
    require(top >= 1, "top", top, "1 or more");
    require(Float.isFinite(scale), "scale", scale, "a finite number");
    require(
        q.size(0) * q.size(1) <= MOST_QUERIES / Math.max(q.size(2), 1),
        "q",
        q,
        "at most 2^28 queries in all heads");
    Check.result("index", index, q.place());
    Check.shape("index", index, 3);
    Check.written("index", index, q, queryLengths);
    Check.written("index", index, history, fresh);
  }

  /** Rows R. */
  public int rows() {
    return (int) q.size(0);
  }

  /** Key/value heads G. */
  public int heads() {
    return fresh.heads();
  }

  /** Query heads of a key/value head, H / G. */
  public int group() {
    return (int) (q.size(1) / fresh.heads());
  }

  @Override
  public Place place() {
    return q.place();
  }
}
