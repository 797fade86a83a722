package io.github.trimtab.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.trimtab.Backends;
import io.github.trimtab.CudaDevices;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Operations, events and graphs on streams. */
@Tag("cuda")
final class CudaStreamTest {
  @BeforeAll
  static void requireDevice() {
    CudaDevices.backend();
  }

  private static CudaDevice device() {
    return CudaDevice.of(0);
  }

  @Test
  void operationsRunInTheOrderOfTheStream() {
    try (CudaStream stream = device().newStream();
        Lists lists = new Lists(stream.memory())) {
      for (int step = 0; step < 3; step++) {
        lists.setFresh(step);
        stream.kernels().append(lists.append());
      }
      assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(0, 1, 2));
      assertThat(lists.length()).isEqualTo(3 * Lists.TOKENS);
    }
  }

  @Test
  void whatWasReservedIsNotAllocatedAgain() {
    // A driver gives memory in larger pieces, and to other processes meanwhile.
    boolean counted = CudaDevices.backend().device().contains("(emulation");
    try (CudaStream stream = device().newStream();
        Buffer memory = device().allocate(1 << 16)) {
      Head head =
          Head.top(
              Tensor.at(0, DType.F32, memory, 1, 8),
              HeadRows.all(WeightRows.of(Tensor.at(256, DType.F32, memory, 300, 8))),
              Tensor.at(32 << 10, DType.I32, memory, 1, 2),
              Tensor.at(33 << 10, DType.F32, memory, 1, 2));
      long bytes = stream.workspaceBytes(head);
      assertThat(bytes).isPositive();
      long before = device().freeBytes();
      stream.reserve(bytes);
      long reserved = device().freeBytes();
      if (counted) {
        assertThat(reserved).isLessThanOrEqualTo(before - bytes);
      }
      stream.reserve(0);
      stream.kernels().head(head);
      stream.prepare(head).enqueue();
      stream.synchronize();
      if (counted) {
        assertThat(device().freeBytes()).isEqualTo(reserved);
      }
      assertThatIllegalArgumentException()
          .isThrownBy(() -> stream.reserve(-1))
          .withMessage("bytes: -1, expected 0 or more");
    }
  }

  @Test
  void theBackendRunsOnTheDefaultStream() {
    var kernels = Backends.named("cuda").kernels();
    try (Lists lists = new Lists(kernels.memory(Place.cuda(0)))) {
      lists.setFresh(4);
      kernels.append(lists.append());
      assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(4));
    }
  }

  @Test
  void preparedOperationsAndGraphsFollowTheirBuffers() {
    try (CudaStream stream = device().newStream()) {
      Lists lists = new Lists(stream.memory());
      CudaOperation append = stream.prepare(lists.append());
      lists.setFresh(0);
      append.enqueue();
      CudaGraph graph = stream.capture(List.of(append));
      try {
        assertThat(lists.length()).as("recording runs nothing").isEqualTo(Lists.TOKENS);
        lists.setFresh(1);
        graph.launch();
        lists.setFresh(2);
        graph.launch();
        assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(0, 1, 2));
        assertThat(lists.length()).isEqualTo(3 * Lists.TOKENS);
      } finally {
        graph.close();
      }
      assertThatIllegalStateException().isThrownBy(graph::launch);
      lists.close();
      assertThatIllegalStateException()
          .isThrownBy(append::enqueue)
          .withMessageStartingWith("Append: ");
    }
  }

  @Test
  void otherPlacesAreRefusedBeforeTheLaunch() {
    try (CudaStream stream = device().newStream();
        Lists onHost = new Lists(Memory.host());
        Lists onDevice = new Lists(stream.memory())) {
      Operation host = onHost.append();
      assertThatIllegalArgumentException()
          .isThrownBy(() -> stream.prepare(host))
          .withMessage("Append: buffers on host, expected memory on cuda:0");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Backends.named("cuda").kernels().append(onHost.append()))
          .withMessageContaining("host memory, expected memory of a CUDA device");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Backends.named("vector").kernels().append(onDevice.append()))
          .withMessageContaining("cuda:0, expected host memory");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Backends.named("vector").kernels().memory(Place.cuda(0)));
      try (CudaStream other = device().newStream()) {
        CudaOperation append = stream.prepare(onDevice.append());
        assertThatIllegalArgumentException().isThrownBy(() -> other.capture(List.of(append)));
      }
      // Host memory that claims to be the device's.
      MemorySegment memory = Arena.ofAuto().allocate(1 << 12);
      Buffer wild = Buffer.ofDevicePointer(0, memory.address(), memory.byteSize());
      assertThatIllegalArgumentException()
          .isThrownBy(() -> stream.kernels().append(onDevice.append(wild)))
          .withMessageStartingWith("Append: ");
      stream.synchronize();
    }
  }

  @Test
  void otherDevicesAreRefused() {
    assumeTrue(CudaDevice.count() > 1, "there is one device");
    CudaDevice second = CudaDevice.of(1);
    try (CudaStream stream = device().newStream();
        CudaStream theirs = second.newStream();
        Lists lists = new Lists(second.defaultStream().memory())) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> stream.kernels().append(lists.append()))
          .withMessage("Append: buffers on cuda:1, expected memory on cuda:0");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> device().stream(theirs.handle()))
          .withMessageContaining("expected a stream of cuda:0's primary context");
      try (Buffer ours = device().allocate(64)) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> second.wrap(ours.deviceAddress(), 64))
            .withMessageContaining("of cuda:0, expected memory of cuda:1");
      }
      try (CudaEvent event = new CudaEvent(device())) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> event.record(theirs))
            .withMessageContaining("expected one of cuda:0");
      }
      lists.setFresh(1);
      Backends.named("cuda").kernels().append(lists.append());
      assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(1));
    }
  }

  @Test
  void whatIsNoStreamOrNoGraphIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> device().stream(2))
        .withMessageStartingWith("handle: 2");
    try (CudaStream stream = device().newStream()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> stream.capture(List.of()))
          .withMessage("operations: none, expected one or more");
    }
  }

  @Test
  void eventsMayBeClosedWhileTheyAreAsked() throws InterruptedException {
    try (CudaStream stream = device().newStream()) {
      for (int round = 0; round < 200; round++) {
        CudaEvent event = stream.record();
        var stage = event.completion().toCompletableFuture();
        event.close();
        try {
          stage.get();
        } catch (ExecutionException e) {
          assertThat(e).hasRootCauseMessage("the event is closed");
        }
      }
    }
  }

  @Test
  void callersStreamsAreUsedAndLeftAlone() {
    try (CudaStream theirs = device().newStream()) {
      CudaStream wrapped = device().stream(theirs.handle());
      try (Lists lists = new Lists(wrapped.memory())) {
        lists.setFresh(3);
        wrapped.kernels().append(lists.append());
        theirs.synchronize();
        assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(3));
      }
      wrapped.close();
      assertThatIllegalStateException().isThrownBy(wrapped::synchronize);
      theirs.synchronize();
    }
  }

  @Test
  void badValuesOnTheDeviceAreReportedAndLeadNowhere() {
    try (CudaStream stream = device().newStream();
        Lists lists = new Lists(stream.memory())) {
      lists.setFresh(5);
      lists.setPage(0, 99);
      stream.kernels().append(lists.append());
      assertThatIllegalArgumentException()
          .isThrownBy(stream::synchronize)
          .withMessageStartingWith("append: target.table, element 0: 99, expected 0 to");
      stream.synchronize();
      lists.setPage(0, 0);
      lists.setLength(0);
      stream.kernels().append(lists.append());
      assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(5));
    }
  }

  @Test
  void eventsOrderStreamsAndCompleteStages() throws ExecutionException, InterruptedException {
    try (CudaStream first = device().newStream();
        CudaStream second = device().newStream();
        Lists lists = new Lists(first.memory())) {
      lists.setFresh(7);
      first.kernels().append(lists.append());
      try (CudaEvent appended = first.record()) {
        second.waitFor(appended);
        second.kernels().append(lists.append());
        try (CudaEvent twice = second.record()) {
          var stage = twice.completion().thenApply(_ -> "done").toCompletableFuture();
          second.synchronize();
          assertThat(stage.get()).isEqualTo("done");
          assertThat(appended.isDone() && twice.isDone()).isTrue();
          twice.await();
        }
      }
      assertThat(lists.keys()).isEqualTo(Lists.expectedKeys(7, 7));
      assertThat(second.isIdle()).isTrue();
    }
  }

  @Test
  void virtualThreadsMayUseStreams() throws ExecutionException, InterruptedException {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<float[]>> results =
          IntStream.range(0, 24)
              .mapToObj(i ->
                  threads.submit(() -> {
                    try (CudaStream stream = device().newStream();
                        Lists lists = new Lists(stream.memory())) {
                      for (int step = 0; step < 2; step++) {
                        lists.setFresh(i + step);
                        LockSupport.parkNanos(1);
                        stream.kernels().append(lists.append());
                      }
                      return lists.keys();
                    }
                  }))
              .toList();
      for (int i = 0; i < results.size(); i++) {
        assertThat(results.get(i).get()).isEqualTo(Lists.expectedKeys(i, i + 1));
      }
    }
  }

  @Test
  void aLostContextIsReportedOnceWithTheOperationAndThenAlways() {
    Context context = new Context(0);
    int launchFailed = 719;
    assertThatThrownBy(() -> context.check("synchronisation after Evict", launchFailed))
        .isInstanceOf(CudaException.class)
        .isNotInstanceOf(ContextLostException.class)
        .hasMessageContaining("Evict")
        .hasMessageContaining("CUDA_ERROR_LAUNCH_FAILED");
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(context::enter)
          .isInstanceOf(ContextLostException.class)
          .hasMessageStartingWith(
              "the context of cuda:0 is lost since synchronisation after Evict");
    }
    // What it held is gone: freeing it is no error.
    context.release(
        "cuMemFree",
        () -> {
          throw new AssertionError("called in a lost context");
        });
  }
}
