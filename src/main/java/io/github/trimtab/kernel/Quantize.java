package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;

/**
 * Rounds a weight matrix to FP8, INT8 or INT4 rows. Canonical.
 *
 * <p>Of each group, in binary32: {@code scale = bf16(min(max|w|, largest finite) / top)} with top
 * 448, 127 or 7, then {@code code = w / scale} rounded to nearest even and saturated at the top. A
 * group of zeros, or one too small for a BF16 scale, has scale 0; a group with a NaN has scale NaN;
 * in both cases all codes are 0.
 *
 * @param weight the matrix [V,d], F32, F16 or BF16, a row's elements side by side
 * @param rows result, quantised rows with BF16 scales
 */
public record Quantize(Tensor weight, WeightRows rows) implements Operation {
  /** Checks shapes, dtypes and places. */
  public Quantize {
    require(scalesOf(rows).dtype() == DType.BF16, "rows.scales", scalesOf(rows), "dtype BF16");
    require(weight.dtype().isFloat(), "weight", weight, "dtype F32, F16 or BF16");
    Check.shape("weight", weight, rows.rows(), rows.columns());
    Check.lastDimensionContiguous("weight", weight);
    Check.place("weight", weight, rows.place());
    Check.written("rows.codes", rows.codes(), weight, scalesOf(rows));
    Check.written("rows.scales", scalesOf(rows), weight);
  }

  /** The result's scales. */
  public Tensor scales() {
    return scalesOf(rows);
  }

  private static Tensor scalesOf(WeightRows rows) {
    Tensor scales = rows.scales();
    if (scales == null) {
      throw new IllegalArgumentException(
          "rows: " + rows.format() + ", expected FP8_E4M3, INT8 or INT4");
    }
    return scales;
  }

  @Override
  public Place place() {
    return rows.place();
  }
}
