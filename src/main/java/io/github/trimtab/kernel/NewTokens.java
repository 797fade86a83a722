package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Keys and values of new tokens as an engine holds them: strided tensors, not yet in pages.
 *
 * @param k keys [R,G,M,D], F32, F16 or BF16, elements of a head next to each other
 * @param v values like k, or null where an operation reads keys only
 * @param lengths valid tokens of each row [R], I32, or null: all M
 */
public record NewTokens(Tensor k, @Nullable Tensor v, @Nullable Tensor lengths) {
  /** Checks shapes, dtypes and that all tensors live in one place. */
  public NewTokens {
    Check.heads("k", k);
    if (v != null) {
      Check.heads("v", v);
      Check.shape("v", v, k.size(0), k.size(1), k.size(2), k.size(3));
      require(v.dtype() == k.dtype(), "v", v.dtype(), "the dtype of k, " + k.dtype());
      Check.place("v", v, k.place());
    }
    if (lengths != null) {
      Check.indices("lengths", lengths, k.place());
      Check.shape("lengths", lengths, k.size(0));
    }
  }

  /** Keys and values that are all valid. */
  public NewTokens(Tensor k, Tensor v) {
    this(k, v, null);
  }

  /**
   * The values.
   *
   * @throws IllegalArgumentException if there are only keys
   */
  public Tensor values() {
    if (v == null) {
      throw new IllegalArgumentException("fresh.v: null, expected values besides the keys");
    }
    return v;
  }

  /** Rows R. */
  public int rows() {
    return (int) k.size(0);
  }

  /** Key/value heads G. */
  public int heads() {
    return (int) k.size(1);
  }

  /** Most tokens of a row, M. */
  public int capacity() {
    return (int) k.size(2);
  }

  /** Head dim D. */
  public int headDim() {
    return (int) k.size(3);
  }

  boolean overlaps(Tensor tensor) {
    return k.overlaps(tensor)
        || (v != null && v.overlaps(tensor))
        || (lengths != null && lengths.overlaps(tensor));
  }
}
