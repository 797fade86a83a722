package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The rows that form a head, in order, and the vocabulary ids that they stand for.
 *
 * <p>Gathered: place j is row {@code ids[j]} of a matrix that may be shared with others, read where
 * it lies. Packed: place j is row j, and {@code ids[j]} says which id it stands for. Without ids,
 * place, row and id are one. Ids and their count live in buffers: a static core followed by a
 * dynamic tail is one buffer whose tail and count change from step to step, and no row is copied.
 *
 * <p>Untrusted at run time: the count in [0, k], ids in [0, vocabulary) and all different. Ids that
 * ascend are the cheapest to check.
 *
 * @param weight the matrix [V,d]
 * @param ids [k] I32, or null: every row of the matrix
 * @param count how many of the ids, from the first, take part: [1] I32, or null: all k
 * @param packed whether ids name the places' meaning only, not rows of the matrix
 * @param vocabulary ids lie below it; V unless packed
 */
public record HeadRows(
    WeightRows weight,
    @Nullable Tensor ids,
    @Nullable Tensor count,
    boolean packed,
    int vocabulary) {
  /** Checks shapes, dtypes and places. */
  public HeadRows {
    require(vocabulary >= 0, "vocabulary", vocabulary, "0 or more");
    require(
        packed || vocabulary == weight.rows(),
        "vocabulary",
        vocabulary,
        "the matrix's " + weight.rows() + " rows, since they are not packed");
    require(ids != null || !packed, "ids", "null", "the ids that packed rows stand for");
    require(ids != null || count == null, "count", count == null ? "null" : count, "none");
    if (ids != null) {
      Check.indices("ids", ids, weight.place());
      require(ids.rank() == 1, "ids", ids, "1 dimension [ids]");
      long most = packed ? weight.rows() : Integer.MAX_VALUE;
      require(ids.size(0) <= most, "ids", ids, "at most " + most + " ids");
    }
    if (count != null) {
      Check.indices("count", count, weight.place());
      Check.shape("count", count, 1);
    }
  }

  /** Every row of a matrix: the full head. */
  public static HeadRows all(WeightRows weight) {
    return new HeadRows(weight, null, null, false, weight.rows());
  }

  /** Rows of a matrix read where they lie. */
  public static HeadRows gathered(WeightRows weight, Tensor ids) {
    return new HeadRows(weight, ids, null, false, weight.rows());
  }

  /** The first {@code count} of the ids' rows, read where they lie. */
  public static HeadRows gathered(WeightRows weight, Tensor ids, Tensor count) {
    return new HeadRows(weight, ids, count, false, weight.rows());
  }

  /** Rows that were copied side by side and stand for {@code ids}. */
  public static HeadRows packed(WeightRows weight, Tensor ids, int vocabulary) {
    return new HeadRows(weight, ids, null, true, vocabulary);
  }

  /** Most rows that take part, k. */
  public int capacity() {
    return ids == null ? weight.rows() : (int) ids.size(0);
  }

  boolean overlaps(Tensor tensor) {
    return weight.overlaps(tensor)
        || (ids != null && ids.overlaps(tensor))
        || (count != null && count.overlaps(tensor));
  }

  Place place() {
    return weight.place();
  }
}
