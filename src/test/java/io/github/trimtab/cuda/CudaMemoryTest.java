package io.github.trimtab.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.CudaDevices;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Device memory: what is allocated, copied and refused. */
@Tag("cuda")
final class CudaMemoryTest {
  private static final long MORE_THAN_ANY_DEVICE = 1L << 46;

  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  private static CudaDevice device() {
    return CudaDevice.of(0);
  }

  /** Sizes around a slot of the ring and around the whole ring. */
  @ParameterizedTest
  @ValueSource(ints = {1, 127, (1 << 18) - 1, (1 << 18) + 1, (16 << 18) + 5})
  void whatIsUploadedComesBack(int bytes) {
    byte[] sent = new byte[bytes];
    new Random(bytes).nextBytes(sent);
    byte[] back = new byte[bytes];
    byte[] copied = new byte[bytes];
    try (CudaStream stream = device().newStream();
        Buffer first = device().allocate(bytes + 3L);
        Buffer second = stream.memory().allocate(bytes)) {
      stream.memory().upload(MemorySegment.ofArray(sent), first, 3);
      stream.memory().copy(first, 3, second, 0, bytes);
      stream.memory().download(first, 3, MemorySegment.ofArray(back));
      stream.memory().download(second, 0, MemorySegment.ofArray(copied));
    }
    assertThat(back).isEqualTo(sent);
    assertThat(copied).isEqualTo(sent);
  }

  @Test
  void newMemoryIsZero() {
    byte[] back = new byte[1000];
    try (CudaStream stream = device().newStream();
        Buffer buffer = device().allocate(back.length)) {
      stream.memory().download(buffer, 0, MemorySegment.ofArray(back));
    }
    assertThat(back).containsOnly(0);
  }

  @Test
  void freeMemoryIsCounted() {
    long before = device().freeBytes();
    assertThat(before).isBetween(1L, device().memoryBytes());
    try (Buffer _ = device().allocate(64 << 20)) {
      assertThat(device().freeBytes()).isLessThan(before);
    }
    assertThat(CudaKernels.device())
        .contains(device().name(), device().memoryBytes() / 1048576 + " MiB");
    assertThat(device().capability()).isBetween(50, 200);
  }

  @Test
  void javaCannotReadADevice() {
    try (Buffer buffer = device().allocate(64)) {
      assertThat(buffer.place()).isEqualTo(Place.cuda(0));
      assertThatIllegalStateException().isThrownBy(buffer::segment).withMessageContaining("cuda:0");
      Tensor tensor = Tensor.of(DType.F32, buffer, 16);
      assertThatIllegalStateException().isThrownBy(() -> tensor.floatAt(0));
    }
  }

  @Test
  void tooLittleMemoryLeavesAllElseAtWork() {
    try (CudaStream stream = device().newStream();
        Buffer before = device().allocate(256)) {
      assertThatThrownBy(() -> device().allocate(MORE_THAN_ANY_DEVICE))
          .isInstanceOf(DeviceMemoryException.class)
          .hasMessageStartingWith(MORE_THAN_ANY_DEVICE + " bytes on cuda:0: ")
          .hasMessageEndingWith(" are free");
      PageLayout layout = new PageLayout(DType.F32, 128, 64, 256);
      assertThatThrownBy(() -> device().pool(layout, Integer.MAX_VALUE / 16))
          .isInstanceOf(DeviceMemoryException.class);
      int[] sent = {1, 2, 3};
      int[] back = new int[3];
      stream.memory().upload(MemorySegment.ofArray(sent), before, 4);
      stream.memory().download(before, 4, MemorySegment.ofArray(back));
      assertThat(back).isEqualTo(sent);
    }
  }

  @Test
  void closingTwiceIsHarmlessAndUseAfterCloseThrows() {
    Buffer buffer = device().allocate(64);
    Buffer pinned = device().pinned(64);
    MemorySegment segment = pinned.segment();
    segment.set(ValueLayout.JAVA_INT, 0, 7);
    CudaStream stream = device().newStream();
    for (int i = 0; i < 2; i++) {
      buffer.close();
      pinned.close();
      stream.close();
    }
    assertThatIllegalStateException().isThrownBy(buffer::deviceAddress);
    assertThatIllegalStateException().isThrownBy(pinned::segment);
    assertThatIllegalStateException().isThrownBy(() -> segment.get(ValueLayout.JAVA_INT, 0));
    assertThatIllegalStateException().isThrownBy(stream::synchronize);
    assertThatIllegalStateException().isThrownBy(stream::record);
  }

  /** What was seen open when an operation was checked is there when it is launched. */
  @Test
  void memoryIsFreedBetweenLaunchesOnly() throws InterruptedException {
    Context context = device().context();
    long bytes = 64 << 20;
    Buffer buffer = device().allocate(bytes);
    long free = device().freeBytes();
    Thread closing = Thread.ofPlatform().unstarted(buffer::close);
    long held = context.holdFrees();
    try {
      closing.start();
      while (buffer.isOpen() || closing.getState() != Thread.State.WAITING) {
        assertThat(closing.getState()).isNotEqualTo(Thread.State.TERMINATED);
        Thread.onSpinWait();
      }
      assertThat(device().freeBytes()).isLessThan(free + bytes / 2);
    } finally {
      context.allowFrees(held);
    }
    closing.join();
    assertThat(device().freeBytes()).isGreaterThan(free + bytes / 2);
  }

  @Test
  void copiesWhileABufferIsClosedAreRefusedAndHarmNothing() throws InterruptedException {
    int bytes = 1 << 12;
    MemorySegment host = MemorySegment.ofArray(new byte[bytes]);
    try (CudaStream stream = device().newStream();
        Buffer other = device().allocate(bytes)) {
      Memory memory = stream.memory();
      for (int round = 0; round < 30; round++) {
        Buffer buffer = device().allocate(bytes);
        Runnable copy =
            switch (round % 3) {
              case 0 -> () -> memory.upload(host, buffer, 0);
              case 1 -> () -> memory.copy(other, 0, buffer, 0, bytes);
              default -> () -> memory.download(buffer, 0, host);
            };
        copy.run();
        Thread closing = Thread.ofPlatform().start(buffer::close);
        assertThatIllegalStateException()
            .isThrownBy(() -> {
              while (true) {
                copy.run();
              }
            })
            .withMessageContaining("closed");
        closing.join();
      }
      memory.download(other, 0, host);
    }
  }

  @Test
  void launchesWhileABufferIsClosedAreRefusedAndHarmNothing() throws InterruptedException {
    try (CudaStream stream = device().newStream()) {
      for (int round = 0; round < 20; round++) {
        Lists lists = new Lists(stream.memory());
        CudaOperation append = stream.prepare(lists.append());
        Thread closing = Thread.ofPlatform().start(lists::close);
        assertThatIllegalStateException()
            .isThrownBy(() -> {
              while (true) {
                append.enqueue();
              }
            })
            .withMessageStartingWith("Append: ");
        closing.join();
      }
    }
    try (CudaStream stream = device().newStream();
        Lists lists = new Lists(stream.memory())) {
      lists.setFresh(1);
      stream.kernels().append(lists.append());
      assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(1));
    }
  }

  @Test
  void poolsLiveOnTheDevice() {
    PageLayout layout = new PageLayout(DType.BF16, 16, 2, 64);
    try (PagePool pool = device().pool(layout, 5)) {
      assertThat(pool.slab().place()).isEqualTo(Place.cuda(0));
      assertThat(pool.slab().deviceAddress() % Buffer.ALIGNMENT).isZero();
      assertThat(pool.acquire(5)).containsExactly(0, 1, 2, 3, 4);
    }
  }

  @Test
  void foreignPointersAreKnownOrRefused() {
    try (Buffer theirs = device().allocate(64)) {
      Buffer wrapped = device().wrap(theirs.deviceAddress(), 64);
      assertThat(wrapped.deviceAddress()).isEqualTo(theirs.deviceAddress());
      wrapped.close();
      assertThat(theirs.isOpen()).isTrue();
    }
    try (Buffer theirs = device().allocate(64)) {
      long address = theirs.deviceAddress();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device().wrap(address, MORE_THAN_ANY_DEVICE))
          .withMessageContaining("expected memory of cuda:0");
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> device().wrap(0x10, 64))
        .withMessageContaining("address: 0x10");
  }

  @Test
  void badArgumentsAreNamed() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> device().allocate(-1))
        .withMessage("bytes: -1, expected 0 or more");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CudaDevice.of(77))
        .withMessageContaining("ordinal: 77, expected 0 to");
    try (CudaStream stream = device().newStream();
        Buffer buffer = device().allocate(8);
        Buffer host = Buffer.allocate(8)) {
      MemorySegment nine = MemorySegment.ofArray(new byte[9]);
      assertThatThrownBy(() -> stream.memory().upload(nine, buffer, 0))
          .isInstanceOf(IndexOutOfBoundsException.class)
          .hasMessage("to: 9 bytes from 0 on, expected a range inside the buffer's 8 bytes");
      assertThatThrownBy(
              () -> stream.memory().download(buffer, 1, MemorySegment.ofArray(new byte[8])))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> stream.memory().copy(host, 0, buffer, 0, 8))
          .withMessageContaining("expected memory on cuda:0");
    }
  }
}
