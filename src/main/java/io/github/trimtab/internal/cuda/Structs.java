package io.github.trimtab.internal.cuda;

import io.github.trimtab.internal.cuda.bindings.trimtab_h;
import io.github.trimtab.internal.cuda.bindings.trimtab_head_rows;
import io.github.trimtab.internal.cuda.bindings.trimtab_new_tokens;
import io.github.trimtab.internal.cuda.bindings.trimtab_pages;
import io.github.trimtab.internal.cuda.bindings.trimtab_tensor;
import io.github.trimtab.internal.cuda.bindings.trimtab_weights;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Writes the values that operations share as structs of the C ABI; absent ones are all zero. */
final class Structs {
  private final Addresses addresses;

  Structs(Addresses addresses) {
    this.addresses = addresses;
  }

  void read(MemorySegment to, @Nullable Tensor tensor) {
    tensor(to, tensor, false);
  }

  void written(MemorySegment to, @Nullable Tensor tensor) {
    tensor(to, tensor, true);
  }

  private void tensor(MemorySegment to, @Nullable Tensor tensor, boolean written) {
    to.fill((byte) 0);
    if (tensor == null) {
      return;
    }
    trimtab_tensor.data(to, address(tensor.buffer(), tensor.offset(), written));
    trimtab_tensor.bytes(to, tensor.buffer().byteSize() - tensor.offset());
    for (int i = 0; i < tensor.rank(); i++) {
      trimtab_tensor.size(to, i, tensor.size(i));
      trimtab_tensor.stride(to, i, tensor.stride(i));
    }
    trimtab_tensor.dtype(to, code(tensor.dtype()));
    trimtab_tensor.rank(to, tensor.rank());
  }

  private MemorySegment address(Buffer buffer, long offset, boolean written) {
    return MemorySegment.ofAddress(addresses.of(buffer, written) + offset);
  }

  void pages(MemorySegment to, @Nullable PagedKv pages, boolean written) {
    to.fill((byte) 0);
    if (pages == null) {
      return;
    }
    trimtab_pages.slab(to, address(pages.slab(), 0, written));
    trimtab_pages.slab_bytes(to, pages.slab().byteSize());
    trimtab_pages.dtype(to, code(pages.layout().dtype()));
    trimtab_pages.tokens(to, pages.layout().tokens());
    trimtab_pages.heads(to, pages.layout().heads());
    trimtab_pages.head_dim(to, pages.layout().headDim());
    trimtab_pages.pages(to, pages.pages());
    read(trimtab_pages.table(to), pages.table());
    tensor(trimtab_pages.lengths(to), pages.lengths(), written);
  }

  void fresh(MemorySegment to, @Nullable NewTokens fresh) {
    read(trimtab_new_tokens.k(to), fresh == null ? null : fresh.k());
    read(trimtab_new_tokens.v(to), fresh == null ? null : fresh.v());
    read(trimtab_new_tokens.lengths(to), fresh == null ? null : fresh.lengths());
  }

  void weights(MemorySegment to, WeightRows rows, boolean written) {
    to.fill((byte) 0);
    trimtab_weights.format(to, code(rows.format()));
    tensor(trimtab_weights.codes(to), rows.codes(), written);
    tensor(trimtab_weights.scales(to), rows.scales(), written);
  }

  void headRows(MemorySegment to, HeadRows rows) {
    weights(trimtab_head_rows.weight(to), rows.weight(), false);
    read(trimtab_head_rows.ids(to), rows.ids());
    read(trimtab_head_rows.count(to), rows.count());
    trimtab_head_rows.packed(to, rows.packed() ? 1 : 0);
    trimtab_head_rows.vocabulary(to, rows.vocabulary());
  }

  static int code(Mask mask) {
    return switch (mask) {
      case NONE -> trimtab_h.TRIMTAB_MASK_NONE();
      case CAUSAL -> trimtab_h.TRIMTAB_MASK_CAUSAL();
      case TREE -> trimtab_h.TRIMTAB_MASK_TREE();
    };
  }

  private static int code(DType dtype) {
    return switch (dtype) {
      case F32 -> trimtab_h.TRIMTAB_F32();
      case F16 -> trimtab_h.TRIMTAB_F16();
      case BF16 -> trimtab_h.TRIMTAB_BF16();
      case FP8_E4M3 -> trimtab_h.TRIMTAB_FP8_E4M3();
      case INT8 -> trimtab_h.TRIMTAB_INT8();
      case INT4 -> trimtab_h.TRIMTAB_INT4();
      case I32 -> trimtab_h.TRIMTAB_I32();
      case I64 -> throw new IllegalArgumentException("dtype: I64, which no operation takes");
    };
  }
}
