package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Attention: out = softmax(scale * q.k) v over paged history and contiguous new tokens, read where
 * they lie.
 *
 * <p>Mask NONE: a query sees all history and all new tokens. CAUSAL (M = new tokens): query i sees
 * history and new tokens 0..i. TREE (M = new tokens, at most 64): query i sees history, itself and
 * its ancestors. A query without a visible key gives out 0 and lse -inf; so do queries past a row's
 * length. Parents that are no valid new token are not seen. Held to twice the error of a plain
 * computation in the same precision.
 *
 * <p>Untrusted at run time: lengths, page ids, parents (below their child, -1: root).
 *
 * @param q queries [R,H,M,D], F32, F16 or BF16
 * @param queryLengths valid queries of each row [R], I32, or null: all M
 * @param history paged keys and values, or null
 * @param fresh new keys and values, or null
 * @param mask who sees what among the new tokens
 * @param parents for TREE: parent of each new token [R,M], I32; otherwise null
 * @param scale multiplies q.k, finite
 * @param out result [R,H,M,D], F32
 * @param lse natural logarithm of the sum of exponentials of scale * q.k [R,H,M], F32, or null
 */
public record Attend(
    Tensor q,
    @Nullable Tensor queryLengths,
    @Nullable PagedKv history,
    @Nullable NewTokens fresh,
    Mask mask,
    @Nullable Tensor parents,
    float scale,
    Tensor out,
    @Nullable Tensor lse)
    implements Operation {
  /** Most new tokens under {@link Mask#TREE}: one bit each in a 64-bit word. */
  public static final int MAX_TREE = 64;

  /** Checks everything that does not depend on the buffers' contents. */
  public Attend {
    Check.queriesAndKeys(q, queryLengths, history, fresh);
    Place place = q.place();
    if (fresh != null) {
      Check.place("fresh.v", fresh.values(), place);
    }
    long rows = q.size(0);
    long queries = q.size(2);
    if (mask != Mask.NONE) {
      require(
          fresh != null && fresh.capacity() == queries,
          "mask",
          mask,
          "as many new tokens as queries, " + queries);
    }
    require(
        mask != Mask.TREE || queries <= MAX_TREE,
        "q",
        q,
        "at most " + MAX_TREE + " queries under mask TREE");
    require(
        (parents != null) == (mask == Mask.TREE),
        "parents",
        parents == null ? "null" : parents,
        "one for mask TREE only");
    if (parents != null) {
      Check.indices("parents", parents, place);
      Check.shape("parents", parents, rows, queries);
    }
    require(Float.isFinite(scale), "scale", scale, "a finite number");
    Check.result("out", out, place);
    Check.shape("out", out, q.shape());
    Check.written("out", out, q, queryLengths, parents, lse);
    Check.written("out", out, history, fresh);
    if (lse != null) {
      Check.result("lse", lse, place);
      Check.shape("lse", lse, rows, q.size(1), queries);
      Check.written("lse", lse, q, queryLengths, parents);
      Check.written("lse", lse, history, fresh);
    }
  }

  /** Key/value heads G. */
  public int heads() {
    return Check.heads(history, fresh);
  }

  @Override
  public Place place() {
    return q.place();
  }
}
