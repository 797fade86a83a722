package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Place;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Copies on a stream, through a ring of pinned slots: an upload fills a slot and returns, and waits
 * only where the copy out of that slot, a whole round ago, has not been made yet.
 */
final class StreamMemory implements Memory, AutoCloseable {
  private static final int SLOTS = 16;
  private static final int SLOT_BYTES = 1 << 18;

  private final CudaStream stream;
  private final @Nullable CudaEvent[] copied = new CudaEvent[SLOTS];
  private final MemorySegment[] slots = new MemorySegment[SLOTS];
  private final MemorySegment capturing;
  private Buffer ring = Buffer.allocate(0);
  private int next;

  /** Copies on a stream whose own memory lies in {@code arena}. */
  StreamMemory(CudaStream stream, Arena arena) {
    this.stream = stream;
    this.capturing = arena.allocate(C_INT);
  }

  @Override
  public Place place() {
    return stream.device().place();
  }

  @Override
  public Buffer allocate(long bytes) {
    return stream.device().allocate(bytes);
  }

  @Override
  public void upload(MemorySegment from, Buffer to, long offset) {
    Memory.checkRange("to", to, offset, from.byteSize(), place());
    synchronized (stream) {
      begin();
      for (long done = 0; done < from.byteSize(); done += SLOT_BYTES) {
        long bytes = Math.min(SLOT_BYTES, from.byteSize() - done);
        CudaEvent free = Objects.requireNonNull(copied[next]);
        free.await();
        MemorySegment slot = slots[next];
        MemorySegment.copy(from, done, slot, 0, bytes);
        long at = offset + done;
        enqueue(
            "cuMemcpyHtoDAsync",
            () -> cuMemcpyHtoDAsync_v2(to.deviceAddress() + at, slot, bytes, stream.pointer()));
        free.record(stream);
        next = (next + 1) % SLOTS;
      }
    }
  }

  @Override
  public void download(Buffer from, long offset, MemorySegment to) {
    Memory.checkRange("from", from, offset, to.byteSize(), place());
    synchronized (stream) {
      begin();
      // Uploads that still wait in slots come before this copy, on the same stream.
      long round = (long) SLOTS * SLOT_BYTES;
      long done = 0;
      do {
        long bytes = Math.min(round, to.byteSize() - done);
        if (bytes > 0) {
          long at = offset + done;
          enqueue(
              "cuMemcpyDtoHAsync",
              () ->
                  cuMemcpyDtoHAsync_v2(
                      ring.segment(), from.deviceAddress() + at, bytes, stream.pointer()));
        }
        stream.synchronize();
        MemorySegment.copy(ring.segment(), 0, to, done, bytes);
        done += bytes;
      } while (done < to.byteSize());
    }
  }

  @Override
  public void copy(Buffer from, long fromOffset, Buffer to, long toOffset, long bytes) {
    Memory.checkRange("from", from, fromOffset, bytes, place());
    Memory.checkRange("to", to, toOffset, bytes, place());
    if (bytes == 0) {
      return;
    }
    synchronized (stream) {
      stream.begin();
      enqueue(
          "cuMemcpyDtoDAsync",
          () ->
              cuMemcpyDtoDAsync_v2(
                  to.deviceAddress() + toOffset,
                  from.deviceAddress() + fromOffset,
                  bytes,
                  stream.pointer()));
    }
  }

  /** Enqueues a copy between buffers that it finds open; none is freed meanwhile. */
  private void enqueue(String function, IntSupplier copy) {
    Context context = stream.device().context();
    long held = context.holdFrees();
    try {
      stream.call(function, copy);
    } finally {
      context.allowFrees(held);
    }
  }

  /** Refuses what a graph could not repeat, and makes the ring on first use. */
  private void begin() {
    stream.begin();
    stream.call("cuStreamIsCapturing", () -> cuStreamIsCapturing(stream.pointer(), capturing));
    if (capturing.get(C_INT, 0) != CU_STREAM_CAPTURE_STATUS_NONE()) {
      throw new IllegalStateException(
          "the stream records a graph, which cannot repeat a copy from or to the host");
    }
    if (ring.byteSize() == 0) {
      makeRing();
    }
  }

  private void makeRing() {
    for (int slot = 0; slot < SLOTS; slot++) {
      if (copied[slot] == null) {
        copied[slot] = new CudaEvent(stream.device());
      }
    }
    ring = stream.device().pinned((long) SLOTS * SLOT_BYTES);
    for (int slot = 0; slot < SLOTS; slot++) {
      slots[slot] = ring.segment().asSlice((long) slot * SLOT_BYTES, SLOT_BYTES);
    }
  }

  @Override
  public void close() {
    for (CudaEvent event : copied) {
      if (event != null) {
        event.close();
      }
    }
    ring.close();
  }
}
