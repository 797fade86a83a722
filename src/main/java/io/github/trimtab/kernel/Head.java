package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Logits of 1 to 64 hidden vectors over the rows of a head, and what is made of them in the same
 * pass: each row is read once for all vectors. Canonical; but the CUDA backend adds the products of
 * more than 8 vectors in an order of its own, within twice the error of a plain sum, and a logit of
 * theirs that meets an infinite element may be NaN where it would be infinite.
 *
 * <p>A logit is one canonical dot product of the widened row and the widened vector. The results
 * are any of: the logits; the highest of them with their ids; their log-sum-exp. The arg max is the
 * highest one. Equal logits rank by place, the earlier first; -0 ties with +0; NaN ranks below
 * every number. Log-sum-exp: of each 256 places the max m and the canonical sum s of exp(logit -
 * m), combined in rising order; a logit of NaN or +inf makes it NaN.
 *
 * <p>The order of ids is the order of places, and no result has more room than places: nothing of
 * the vocabulary's size is written for a head of fewer rows. VocabTrim (arXiv 2506.22694).
 *
 * <p>Untrusted at run time: what {@link HeadRows} names.
 *
 * @param hidden vectors [N,d], F32, F16 or BF16, N from 1 to 64
 * @param rows the head
 * @param logits result [N,k] in the order of places, -inf past the count, F32; or null
 * @param ids result: vocabulary ids of the highest logits, descending, [N,T] with T at most k, -1
 *     where the head has fewer rows; I32; or null
 * @param values result with ids: their logits [N,T], F32, a zero without its sign, -inf where the
 *     head has fewer rows; or null
 * @param logSumExp result: natural log of the sum of exp(logit) over the rows [N], F32, -inf for no
 *     rows; or null
 */
public record Head(
    Tensor hidden,
    HeadRows rows,
    @Nullable Tensor logits,
    @Nullable Tensor ids,
    @Nullable Tensor values,
    @Nullable Tensor logSumExp)
    implements Operation {
  /** Most hidden vectors. */
  public static final int MOST_VECTORS = 64;

  /** Checks everything that does not depend on the buffers' contents. */
  public Head {
    Place place = rows.place();
    require(hidden.dtype().isFloat(), "hidden", hidden, "dtype F32, F16 or BF16");
    require(hidden.rank() == 2, "hidden", hidden, "2 dimensions [vectors, elements]");
    Check.lastDimensionContiguous("hidden", hidden);
    Check.place("hidden", hidden, place);
    long vectors = hidden.size(0);
    require(
        vectors >= 1 && vectors <= MOST_VECTORS,
        "hidden",
        hidden,
        "1 to " + MOST_VECTORS + " vectors");
    int columns = rows.weight().columns();
    require(
        hidden.size(1) == columns,
        "hidden",
        hidden,
        "vectors of " + columns + " elements as the rows");
    require(
        logits != null || ids != null || logSumExp != null,
        "logits, ids, logSumExp",
        "null",
        "at least one result");
    require(
        (ids == null) == (values == null),
        "values",
        values == null ? "null" : values,
        ids == null ? "none without ids" : "the values of ids");
    if (logits != null) {
      Check.result("logits", logits, place);
      Check.shape("logits", logits, vectors, rows.capacity());
      written("logits", logits, hidden, rows);
    }
    if (ids != null && values != null) {
      Check.indices("ids", ids, place);
      require(
          ids.rank() == 2
              && ids.size(0) == vectors
              && ids.size(1) >= 1
              && ids.size(1) <= rows.capacity(),
          "ids",
          ids,
          "shape [" + vectors + ", 1 to " + rows.capacity() + "]");
      written("ids", ids, hidden, rows);
      Check.result("values", values, place);
      Check.shape("values", values, ids.shape());
      written("values", values, hidden, rows);
      Check.written("values", values, ids, logits);
      Check.written("ids", ids, logits);
    }
    if (logSumExp != null) {
      Check.result("logSumExp", logSumExp, place);
      Check.shape("logSumExp", logSumExp, vectors);
      written("logSumExp", logSumExp, hidden, rows);
      Check.written("logSumExp", logSumExp, logits, ids, values);
    }
  }

  /** All logits [N,k]. */
  public static Head logits(Tensor hidden, HeadRows rows, Tensor logits) {
    return new Head(hidden, rows, logits, null, null, null);
  }

  /** The T highest logits with their ids, [N,T]; with T = 1 the arg max. */
  public static Head top(Tensor hidden, HeadRows rows, Tensor ids, Tensor values) {
    return new Head(hidden, rows, null, ids, values, null);
  }

  /** The T highest logits with their ids, [N,T], and the log-sum-exp of all, [N]. */
  public static Head top(
      Tensor hidden, HeadRows rows, Tensor ids, Tensor values, Tensor logSumExp) {
    return new Head(hidden, rows, null, ids, values, logSumExp);
  }

  private static void written(String name, Tensor tensor, Tensor hidden, HeadRows rows) {
    Check.written(name, tensor, hidden);
    require(!rows.overlaps(tensor), name, tensor, "memory apart from the rows");
  }

  /** Hidden vectors N. */
  public int vectors() {
    return (int) hidden.size(0);
  }

  /** How many of the highest logits are asked for; 0 without ids. */
  public int top() {
    return ids == null ? 0 : (int) ids.size(1);
  }

  @Override
  public Place place() {
    return rows.place();
  }
}
