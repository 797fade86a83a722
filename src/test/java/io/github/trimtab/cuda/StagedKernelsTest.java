package io.github.trimtab.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.CudaDevices;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Operations over host memory that the device runs. */
@Tag("cuda")
final class StagedKernelsTest {
  private static final int DIM = 8;
  private static final int TOKENS = 3;
  private static final PageLayout LAYOUT = new PageLayout(DType.F32, 16, 1, DIM);
  private static final long TABLE = LAYOUT.pageBytes();
  private static final long LENGTHS = TABLE + 64;
  private static final long FRESH = LENGTHS + 64;
  private static final long BYTES = FRESH + (long) TOKENS * DIM * Float.BYTES;

  /** Every operand has a buffer of its own, and all of them lie in one piece of memory. */
  private static float[] appendInOnePiece(Kernels kernels, MemorySegment memory) {
    for (int i = 0; i < TOKENS * DIM; i++) {
      memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, FRESH + (long) i * Float.BYTES, i + 1);
    }
    memory.set(ValueLayout.JAVA_INT_UNALIGNED, LENGTHS, 2);
    Tensor k = Tensor.at(FRESH, DType.F32, Buffer.wrap(memory), 1, 1, TOKENS, DIM);
    Tensor v = Tensor.of(DType.F32, Buffer.wrap(memory.asSlice(FRESH)), 1, 1, TOKENS, DIM);
    Tensor table = Tensor.at(TABLE, DType.I32, Buffer.wrap(memory), 1, 1, 1);
    // Overlaps the slab's buffer and the new tokens', not wholly.
    Buffer end = Buffer.wrap(memory.asSlice(LENGTHS));
    Tensor lengths = Tensor.of(DType.I32, end, 1, 1);
    Buffer slab = Buffer.wrap(memory.asSlice(0, FRESH));
    PagedKv target = new PagedKv(LAYOUT, slab, 1, table, lengths);
    kernels.append(new Append(new NewTokens(k, v), target));
    return memory.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  @Test
  void buffersThatShareMemoryShareItsCopy() {
    Kernels scalar = Backends.named("scalar").kernels();
    Kernels cuda = CudaDevices.backend().hostKernels();
    float[] expected = appendInOnePiece(scalar, MemorySegment.ofArray(new byte[(int) BYTES]));
    assertThat(appendInOnePiece(cuda, MemorySegment.ofArray(new byte[(int) BYTES])))
        .isEqualTo(expected);
    try (Arena arena = Arena.ofShared()) {
      assertThat(appendInOnePiece(cuda, arena.allocate(BYTES, 8))).isEqualTo(expected);
    }
  }
}
