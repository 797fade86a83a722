package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Scores every token of history and new tokens by the attention that a window of queries gives it.
 * Canonical.
 *
 * <p>Tokens of a row are numbered through: history first, then the valid new tokens. RAW: the
 * queries of the window and of the head group are summed first (window outer, rising), then one dot
 * product a key, times {@code scale / (H/G)}. SOFTMAX: per query the logits scale * q.k, their max,
 * the sum over all tokens of exp(logit - max) and the division by it; weights are added over the
 * queries (window outer, rising) and divided by H/G. Under {@link Mask#CAUSAL} the i-th of n
 * present queries stands at position T - n + i of the head's T tokens and sees no later one; a
 * query that sees no token adds 0. Then pooling. Window positions and places past the row's tokens
 * are -inf in the result. ScaleKV section 3.2 (Eq. 5) and the released code's update step.
 *
 * <p>NaN and infinities propagate as IEEE 754 says: in RAW they stay with their key, in SOFTMAX a
 * logit of NaN or +inf makes every weight of that query NaN. A NaN's payload is no part of the
 * contract.
 *
 * <p>Untrusted at run time: lengths, page ids, window positions in [0, tokens of each of the row's
 * heads) or -1 and all different, query rows in [0, Q) or -1.
 *
 * @param q queries [R,H,Q,D], F32, F16 or BF16
 * @param queryRows which of the Q queries form the window, [R,W] I32, -1 for none; or null: all Q
 * @param history paged keys, or null
 * @param fresh new keys, or null; values are not read
 * @param window tokens that stay whatever their score, [R,P] I32, -1 for none; or null
 * @param scoring mode, scale, mask and pooling
 * @param scores result [R,G,T], F32, T at least the tokens of any row
 */
public record Score(
    Tensor q,
    @Nullable Tensor queryRows,
    @Nullable PagedKv history,
    @Nullable NewTokens fresh,
    @Nullable Tensor window,
    Scoring scoring,
    Tensor scores)
    implements Operation {
  /** Checks everything that does not depend on the buffers' contents. */
  public Score {
    Check.queriesAndKeys(q, null, history, fresh);
    Place place = q.place();
    rowsOfPositions("queryRows", queryRows, q);
    rowsOfPositions("window", window, q);
    Check.result("scores", scores, place);
    require(
        scores.rank() == 3
            && scores.size(0) == q.size(0)
            && scores.size(1) == Check.heads(history, fresh),
        "scores",
        scores,
        "shape [rows, key/value heads, tokens]");
    require(scores.size(2) <= Integer.MAX_VALUE, "scores", scores, "fewer than 2^31 tokens");
    Check.written("scores", scores, q, queryRows, window);
    Check.written("scores", scores, history, fresh);
  }

  private static void rowsOfPositions(String name, @Nullable Tensor positions, Tensor q) {
    if (positions != null) {
      Check.indices(name, positions, q.place());
      require(
          positions.rank() == 2 && positions.size(0) == q.size(0),
          name,
          positions,
          "shape [" + q.size(0) + ", any]");
      require(positions.size(1) <= Integer.MAX_VALUE, name, positions, "fewer than 2^31 positions");
    }
  }

  /** Rows R. */
  public int rows() {
    return (int) q.size(0);
  }

  /** Key/value heads G. */
  public int heads() {
    return (int) scores.size(1);
  }

  /** Query heads of a key/value head, H / G. */
  public int group() {
    return (int) (q.size(1) / scores.size(1));
  }

  /** Window queries W, absent ones included. */
  public int queries() {
    return (int) (queryRows == null ? q.size(2) : queryRows.size(1));
  }

  @Override
  public Place place() {
    return q.place();
  }
}
