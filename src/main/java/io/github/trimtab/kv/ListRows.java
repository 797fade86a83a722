package io.github.trimtab.kv;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Tensors of a batch with its lists as rows of their own: the batch's rows where a list holds all
 * heads, and the heads of one row where it holds one.
 */
final class ListRows {
  private ListRows() {}

  /** New tokens of lists from {@code first} on. */
  static NewTokens of(NewTokens all, int lists, int first, int count, @Nullable Tensor lengths) {
    return new NewTokens(
        of(all.k(), lists, first, count), of(all.values(), lists, first, count), lengths);
  }

  /** A tensor [R,heads,M,D] as [count,heads of a list,M,D], without a copy. */
  static Tensor of(Tensor tensor, int lists, int first, int count) {
    if (lists == 1) {
      return tensor.narrow(0, first, count);
    }
    long group = tensor.size(1) / lists;
    return Tensor.strided(
        tensor.dtype(),
        tensor.buffer(),
        tensor.offset(first / lists, first % lists * group),
        new long[] {count, group, tensor.size(2), tensor.size(3)},
        new long[] {
          group * tensor.stride(1), tensor.stride(1), tensor.stride(2), tensor.stride(3)
        });
  }
}
