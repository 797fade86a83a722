package io.github.trimtab.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class BufferTest {
  @Test
  void allocatedMemoryIsZeroedAlignedAndGoneAfterClose() {
    Buffer buffer = Buffer.allocate(300);
    MemorySegment segment = buffer.segment();
    assertThat(segment.address() % Buffer.ALIGNMENT).isZero();
    assertThat(segment.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    assertThat(buffer.byteSize()).isEqualTo(300);
    buffer.close();
    buffer.close();
    assertThat(buffer.isOpen()).isFalse();
    assertThatIllegalStateException().isThrownBy(buffer::segment).withMessageContaining("closed");
    assertThatIllegalStateException().isThrownBy(() -> segment.get(ValueLayout.JAVA_BYTE, 0));
  }

  @Test
  void wrappedMemoryStaysTheCallers() {
    float[] values = {1, 2, 3};
    Buffer buffer = Buffer.wrap(MemorySegment.ofArray(values));
    assertThat(buffer.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 2)).isEqualTo(3);
    buffer.close();
    assertThat(buffer.isOpen()).isFalse();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment segment = arena.allocate(8);
      Buffer.wrap(segment).close();
      assertThat(segment.scope().isAlive()).isTrue();
    }
  }

  @Test
  void aBufferOverMemoryThatItsOwnerClosedIsClosed() {
    Buffer buffer;
    try (Arena arena = Arena.ofShared()) {
      buffer = Buffer.wrap(arena.allocate(8));
      assertThat(buffer.isOpen()).isTrue();
    }
    assertThat(buffer.isOpen()).isFalse();
    assertThatIllegalStateException().isThrownBy(buffer::segment);
  }

  @Test
  void memoryOfOneThreadIsRefused() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(24);
      String refusal =
          "segment: 24 bytes of a confined arena, expected memory of a shared, automatic or global"
              + " arena or of the heap, since operations run on several threads";
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Buffer.wrap(segment))
          .withMessage(refusal);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Buffer.wrap(segment, () -> {}))
          .withMessage(refusal);
    }
    assertThat(Buffer.wrap(Arena.global().allocate(8)).isOpen()).isTrue();
    assertThat(Buffer.wrap(Arena.ofAuto().allocate(8)).isOpen()).isTrue();
  }

  @Test
  void readOnlyMemoryIsKnown() {
    MemorySegment segment = MemorySegment.ofArray(new int[2]);
    assertThat(Buffer.wrap(segment.asReadOnly()).isReadOnly()).isTrue();
    assertThat(Buffer.wrap(segment).isReadOnly()).isFalse();
    assertThat(Buffer.ofDevicePointer(0, 64, 64).isReadOnly()).isFalse();
  }

  /** Whoever sees a buffer open may use its memory, so it is closed before that goes. */
  @Test
  void aBufferIsClosedBeforeItsMemoryIsFreed() {
    List<Boolean> open = new ArrayList<>();
    List<Buffer> buffers = new ArrayList<>();
    Buffer buffer = Buffer.ofDevicePointer(0, 64, 64, () -> open.add(buffers.getFirst().isOpen()));
    buffers.add(buffer);
    buffer.close();
    assertThat(open).containsExactly(false);
  }

  @Test
  void whatCouldNotBeFreedMayBeClosedAgain() {
    List<String> frees = new ArrayList<>();
    Buffer buffer =
        Buffer.ofDevicePointer(
            0,
            64,
            64,
            () -> {
              frees.add("free");
              if (frees.size() == 1) {
                throw new IllegalStateException("in use");
              }
            });
    assertThatIllegalStateException().isThrownBy(buffer::close).withMessage("in use");
    assertThat(buffer.isOpen()).isTrue();
    buffer.close();
    buffer.close();
    assertThat(buffer.isOpen()).isFalse();
    assertThat(frees).hasSize(2);
  }

  @Test
  void copiesOutsideABufferNameIt() {
    Memory memory = Memory.host();
    MemorySegment nine = MemorySegment.ofArray(new byte[9]);
    try (Buffer eight = memory.allocate(8);
        Buffer sixteen = memory.allocate(16)) {
      outside("to: 9 bytes from 0 on", "8 bytes", () -> memory.upload(nine, eight, 0));
      outside("from: 9 bytes from 8 on", "16 bytes", () -> memory.download(sixteen, 8, nine));
      outside("from: 9 bytes from 0 on", "8", () -> memory.copy(eight, 0, sixteen, 0, 9));
      outside("to: 8 bytes from 1 on", "8", () -> memory.copy(sixteen, 0, eight, 1, 8));
      outside("to: -1 bytes", "8", () -> Memory.checkRange("to", eight, 0, -1, Place.HOST));
      outside("to: 1 bytes from -1", "8", () -> Memory.checkRange("to", eight, -1, 1, Place.HOST));
      long most = Long.MAX_VALUE;
      outside("to: 9", "8", () -> Memory.checkRange("to", eight, most, most, Place.HOST));
      memory.copy(sixteen, 8, eight, 0, 8);
    }
  }

  private static void outside(String start, String size, ThrowingCallable copy) {
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(copy)
        .withMessageStartingWith(start)
        .withMessageContaining(", expected a range inside the buffer's " + size);
  }

  @Test
  void deviceMemoryCannotBeReadFromJava() {
    Buffer buffer = Buffer.ofDevicePointer(1, 0x7000_0000L, 64);
    assertThat(buffer.place()).isEqualTo(Place.cuda(1));
    assertThat(buffer.deviceAddress()).isEqualTo(0x7000_0000L);
    assertThatIllegalStateException().isThrownBy(buffer::segment).withMessageContaining("cuda:1");
    Tensor tensor = Tensor.of(DType.F32, buffer, 16);
    assertThatIllegalStateException().isThrownBy(() -> tensor.floatAt(0));
    try (Buffer host = Buffer.allocate(8)) {
      assertThatIllegalStateException().isThrownBy(host::deviceAddress);
    }
    buffer.close();
    assertThatIllegalStateException().isThrownBy(buffer::deviceAddress);
  }

  @Test
  void sizesAndAddressesOutsideTheirBoundsAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Buffer.allocate(-1))
        .withMessageContaining("bytes: -1");
    assertThatIllegalArgumentException().isThrownBy(() -> Buffer.ofDevicePointer(0, 16, -1));
    assertThatIllegalArgumentException().isThrownBy(() -> Buffer.ofDevicePointer(0, 0, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> Buffer.ofDevicePointer(-1, 16, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> new Place(-2));
  }
}
