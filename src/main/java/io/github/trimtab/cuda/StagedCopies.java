package io.github.trimtab.cuda;

import io.github.trimtab.internal.cuda.Addresses;
import io.github.trimtab.internal.cuda.Params;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.memory.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A device's copies of the host buffers of one operation. Buffers that share memory on the host
 * share it on the device, so that what one of them is given is not overwritten by another's copy.
 */
final class StagedCopies implements Addresses, AutoCloseable {
  private final CudaStream stream;
  private final List<Region> regions = new ArrayList<>();
  private final IdentityHashMap<Buffer, Region> regionOf = new IdentityHashMap<>();
  // Whether the operation writes to a buffer.
  private final IdentityHashMap<Buffer, Boolean> written = new IdentityHashMap<>();

  /** Host memory from the first to the last byte of buffers that share some, and its copy. */
  private static final class Region {
    final List<Buffer> buffers = new ArrayList<>();
    long first = Long.MAX_VALUE;
    long end;
    @Nullable Buffer copy;

    void add(Buffer buffer) {
      MemorySegment segment = buffer.segment();
      buffers.add(buffer);
      first = Math.min(first, segment.address());
      end = Math.max(end, segment.address() + segment.byteSize());
    }

    boolean overlaps(Buffer other) {
      return buffers.stream()
          .anyMatch(b -> b.segment().asOverlappingSlice(other.segment()).isPresent());
    }

    long offset(Buffer buffer) {
      return buffer.segment().address() - first;
    }
  }

  private StagedCopies(CudaStream stream) {
    this.stream = stream;
  }

  /** Copies every buffer of an operation. */
  static StagedCopies upload(Operation op, CudaStream stream) {
    StagedCopies copies = new StagedCopies(stream);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ignored = arena.allocate(Params.MOST_BYTES, Long.BYTES);
      Params.write(op, copies::find, ignored);
    }
    try {
      copies.written.keySet().forEach(copies::place);
      copies.regions.forEach(copies::upload);
    } catch (RuntimeException | Error e) {
      copies.close();
      throw e;
    }
    return copies;
  }

  private long find(Buffer buffer, boolean write) {
    written.merge(buffer, write, Boolean::logicalOr);
    return 0;
  }

  /** Joins the regions that a buffer overlaps. */
  private void place(Buffer buffer) {
    Region joined = new Region();
    joined.add(buffer);
    for (Region region : List.copyOf(regions)) {
      if (region.overlaps(buffer)) {
        regions.remove(region);
        region.buffers.forEach(joined::add);
      }
    }
    regions.add(joined);
    joined.buffers.forEach(member -> regionOf.put(member, joined));
  }

  private void upload(Region region) {
    Buffer copy = stream.device().allocate(region.end - region.first);
    region.copy = copy;
    for (Buffer buffer : region.buffers) {
      stream.memory().upload(buffer.segment(), copy, region.offset(buffer));
    }
  }

  @Override
  public long of(Buffer buffer, boolean write) {
    Region region = Objects.requireNonNull(regionOf.get(buffer));
    return Objects.requireNonNull(region.copy).deviceAddress() + region.offset(buffer);
  }

  /** Copies back what the operation wrote. */
  void download() {
    for (Map.Entry<Buffer, Boolean> entry : written.entrySet()) {
      if (entry.getValue()) {
        Buffer buffer = entry.getKey();
        Region region = Objects.requireNonNull(regionOf.get(buffer));
        Buffer copy = Objects.requireNonNull(region.copy);
        stream.memory().download(copy, region.offset(buffer), buffer.segment());
      }
    }
  }

  @Override
  public void close() {
    for (Region region : regions) {
      if (region.copy != null) {
        region.copy.close();
      }
    }
  }
}
