package io.github.trimtab.kernel;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Reads tokens back, by the words of {@link PageLayout} alone and nothing that the kernels use. */
final class PageReader {
  private PageReader() {}

  /** Element d of a token's key (or value). */
  static float element(PagedKv kv, boolean value, int row, int head, int token, int d) {
    PageLayout layout = kv.layout();
    int list = kv.table().size(1) == 1 ? 0 : head;
    int headInPage = kv.table().size(1) == 1 ? head : 0;
    int tokens = layout.tokens();
    int elementBytes = layout.dtype().bits() / 8;
    long codesBytes = roundUp((long) tokens * layout.headDim() * elementBytes);
    boolean quantized = layout.dtype() == DType.FP8_E4M3 || layout.dtype() == DType.INT8;
    long headBytes = codesBytes + (quantized ? roundUp(2L * tokens) : 0);
    long page = kv.table().integerAt(kv.table().offset(row, list, token / tokens));
    long part =
        page * 2 * layout.heads() * headBytes
            + (value ? layout.heads() * headBytes : 0)
            + headInPage * headBytes;
    MemorySegment slab = kv.slab().segment();
    long code = part + ((long) (token % tokens) * layout.headDim() + d) * elementBytes;
    float scale =
        quantized
            ? FloatFormats.fromBf16(
                slab.get(ValueLayout.JAVA_SHORT_UNALIGNED, part + codesBytes + token % tokens * 2L))
            : 1f;
    return switch (layout.dtype()) {
      case F32 -> slab.get(ValueLayout.JAVA_FLOAT_UNALIGNED, code);
      case F16 -> FloatFormats.fromF16(slab.get(ValueLayout.JAVA_SHORT_UNALIGNED, code));
      case BF16 -> FloatFormats.fromBf16(slab.get(ValueLayout.JAVA_SHORT_UNALIGNED, code));
      case FP8_E4M3 -> FloatFormats.fromFp8(slab.get(ValueLayout.JAVA_BYTE, code)) * scale;
      default -> slab.get(ValueLayout.JAVA_BYTE, code) * scale;
    };
  }

  private static long roundUp(long bytes) {
    return (bytes + 127) / 128 * 128;
  }

  static int length(@Nullable PagedKv kv, int row, int head) {
    if (kv == null) {
      return 0;
    }
    int list = kv.table().size(1) == 1 ? 0 : head;
    return (int) kv.lengths().integerAt(kv.lengths().offset(row, list));
  }

  static int length(@Nullable NewTokens fresh, int row) {
    if (fresh == null) {
      return 0;
    }
    Tensor lengths = fresh.lengths();
    return lengths == null ? fresh.capacity() : (int) lengths.integerAt(lengths.offset(row));
  }

  /** Keys (or values) of a head, history before new tokens. */
  static float[][] tokens(
      @Nullable PagedKv history, @Nullable NewTokens fresh, boolean value, int row, int head) {
    int n = length(history, row, head);
    int m = length(fresh, row);
    float[][] all = new float[n + m][];
    for (int t = 0; t < n + m; t++) {
      if (t < n) {
        PagedKv pages = Objects.requireNonNull(history);
        all[t] = new float[pages.layout().headDim()];
        for (int d = 0; d < all[t].length; d++) {
          all[t][d] = element(pages, value, row, head, t, d);
        }
      } else {
        NewTokens tokens = Objects.requireNonNull(fresh);
        all[t] = vector(value ? tokens.values() : tokens.k(), row, head, t - n);
      }
    }
    return all;
  }

  static float[] vector(Tensor tensor, int row, int head, int token) {
    float[] x = new float[(int) tensor.size(3)];
    for (int d = 0; d < x.length; d++) {
      x[d] = tensor.floatAt(tensor.offset(row, head, token, d));
    }
    return x;
  }
}
