package io.github.trimtab.kv;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** How many new tokens each row of a step has, as the host must know them. */
final class NewTokenCounts {
  private NewTokenCounts() {}

  /**
   * Reads and checks the counts; those that live on a device are waited for, so once a step.
   *
   * @param fresh null: none in any of {@code rows} rows
   */
  static int[] of(Memory memory, int rows, @Nullable NewTokens fresh) {
    int[] tokens = new int[rows];
    if (fresh == null) {
      return tokens;
    }
    Tensor lengths = fresh.lengths();
    if (lengths == null) {
      Arrays.fill(tokens, fresh.capacity());
      return tokens;
    }
    int stride = Math.toIntExact(lengths.stride(0));
    int[] all = new int[Math.addExact(Math.multiplyExact(rows - 1, stride), 1)];
    memory.download(lengths.buffer(), lengths.offset(0), MemorySegment.ofArray(all));
    for (int row = 0; row < rows; row++) {
      tokens[row] = all[row * stride];
      if (tokens[row] < 0 || tokens[row] > fresh.capacity()) {
        throw new IllegalArgumentException(
            "fresh.lengths of row "
                + row
                + ": "
                + tokens[row]
                + ", expected 0.."
                + fresh.capacity());
      }
    }
    return tokens;
  }
}
