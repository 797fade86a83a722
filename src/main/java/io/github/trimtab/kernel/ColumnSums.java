package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention that each token receives from all queries: softmax weights summed over the queries,
 * averaged over the query heads of a key/value head. Canonical.
 *
 * <p>Tokens of a row are numbered through: history first, then the valid new tokens. Per query the
 * logits scale * q.k, their max, the sum over all visible tokens of exp(logit - max) and the
 * division by it; weights are added over the queries (queries outer, query heads inner, rising) and
 * divided by H/G: the order of {@link Score} in softmax mode. Under {@link Mask#CAUSAL} the i-th of
 * n valid queries stands at position T - n + i of the head's T tokens and sees no later one; a
 * query that sees no token adds 0. These are the accumulated scores of H2O (arXiv 2306.14048).
 *
 * <p>A logit of NaN or +inf makes every weight of its query NaN. A NaN's payload is no part of the
 * contract.
 *
 * <p>Untrusted at run time: lengths, page ids.
 *
 * @param q queries [R,H,M,D], F32, F16 or BF16
 * @param queryLengths valid queries of each row [R], I32, or null: all M
 * @param history paged keys, or null
 * @param fresh new keys, or null; values are not read
 * @param mask {@link Mask#NONE} or {@link Mask#CAUSAL}
 * @param scale multiplies q.k, finite
 * @param sums result [R,G,T], F32, T at least the tokens of any row; 0 past a row's tokens
 */
public record ColumnSums(
    Tensor q,
    @Nullable Tensor queryLengths,
    @Nullable PagedKv history,
    @Nullable NewTokens fresh,
    Mask mask,
    float scale,
    Tensor sums)
    implements Operation {
  /** Checks everything that does not depend on the buffers' contents. */
  public ColumnSums {
    Check.queriesAndKeys(q, queryLengths, history, fresh);
    require(mask != Mask.TREE, "mask", mask, "NONE or CAUSAL");
    require(Float.isFinite(scale), "scale", scale, "a finite number");
    Check.result("sums", sums, q.place());
    require(
        sums.rank() == 3
            && sums.size(0) == q.size(0)
            && sums.size(1) == Check.heads(history, fresh)
            && sums.size(2) <= Integer.MAX_VALUE,
        "sums",
        sums,
        "shape [rows, key/value heads, tokens]");
    Check.written("sums", sums, q, queryLengths);
    Check.written("sums", sums, history, fresh);
  }

  /** Rows R. */
  public int rows() {
    return (int) q.size(0);
  }

  /** Key/value heads G. */
  public int heads() {
    return (int) sums.size(1);
  }

  /** Query heads of a key/value head, H / G. */
  public int group() {
    return (int) (q.size(1) / sums.size(1));
  }

  @Override
  public Place place() {
    return q.place();
  }
}
