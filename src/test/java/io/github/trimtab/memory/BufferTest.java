package io.github.trimtab.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment segment = arena.allocate(8);
      Buffer.wrap(segment).close();
      assertThat(segment.scope().isAlive()).isTrue();
    }
  }

  @Test
  void aBufferOverMemoryThatItsOwnerClosedIsClosed() {
    Buffer buffer;
    try (Arena arena = Arena.ofConfined()) {
      buffer = Buffer.wrap(arena.allocate(8));
      assertThat(buffer.isOpen()).isTrue();
    }
    assertThat(buffer.isOpen()).isFalse();
    assertThatIllegalStateException().isThrownBy(buffer::segment);
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
