package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Copies chosen rows of a weight matrix side by side. Exact.
 *
 * <p>Untrusted at run time: ids in [0, V).
 *
 * @param from the matrix [V,d]
 * @param ids which rows, [k] I32
 * @param to result: k rows of the same format, length and group
 */
public record Pack(WeightRows from, Tensor ids, WeightRows to) implements Operation {
  /** Checks shapes, dtypes and places. */
  public Pack {
    Check.indices("ids", ids, from.place());
    require(ids.rank() == 1, "ids", ids, "1 dimension [ids]");
    require(
        to.format() == from.format()
            && to.columns() == from.columns()
            && to.group() == from.group()
            && dtypeOf(to.scales()) == dtypeOf(from.scales()),
        "to",
        to,
        "rows like those of from: " + from);
    Check.place("to", to.codes(), from.place());
    require(to.rows() == ids.size(0), "to", to, ids.size(0) + " rows, one an id");
    Tensor scales = to.scales();
    Check.written("to.codes", to.codes(), ids, scales);
    if (scales != null) {
      Check.written("to.scales", scales, ids);
    }
    require(
        !from.overlaps(to.codes()) && (scales == null || !from.overlaps(scales)),
        "to",
        to,
        "memory apart from the rows read");
  }

  private static @Nullable DType dtypeOf(@Nullable Tensor scales) {
    return scales == null ? null : scales.dtype();
  }

  @Override
  public Place place() {
    return from.place();
  }
}
