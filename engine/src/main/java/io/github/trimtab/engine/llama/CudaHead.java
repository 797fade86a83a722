package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Heads on a device, whose results are brought to the host. */
final class CudaHead implements AutoCloseable {

  private final Gpu gpu;
  private final Memory memory;
  private Buffer results;
  private Buffer kept;
  private MemorySegment keptOnHost = MemorySegment.ofArray(new int[0]);

  CudaHead(Gpu gpu) {
    this.gpu = gpu;
    memory = gpu.stream().memory();
    results = memory.allocate(0);
    kept = memory.allocate(0);
  }

  /** Copies rows of the host's to the device as they are. */
  static WeightRows copy(WeightRows rows, Memory from, DeviceArena memory) {
    Tensor scales = rows.scales();
    return new WeightRows(
        rows.format(),
        copy(rows.codes(), from, memory),
        scales == null ? null : copy(scales, from, memory));
  }

  private static Tensor copy(Tensor tensor, Memory stream, DeviceArena memory) {
    long bytes = bytes(tensor);
    Buffer buffer = memory.allocate(bytes);
    stream.upload(tensor.segment().asSlice(tensor.offset(), bytes), buffer, 0);
    return Tensor.of(tensor.dtype(), buffer, tensor.shape());
  }

  private static long bytes(Tensor contiguous) {
    return contiguous.dtype().bytes(contiguous.elements());
  }

  /** Runs a head as {@link LlamaBackend#head} does, whose rows are on the device. */
  void run(
      Tensor hidden,
      WeightRows weight,
      @Nullable Tensor keptIds,
      @Nullable Tensor logits,
      @Nullable Tensor ids,
      @Nullable Tensor values,
      @Nullable Tensor logSumExp) {
    Tensor[] wanted = {logits, ids, values, logSumExp};
    long all = 0;
    for (Tensor tensor : wanted) {
      all += tensor == null ? 0 : bytes(tensor);
    }
    results = atLeast(results, all);
    @Nullable Tensor[] made = new Tensor[wanted.length];
    long next = 0;
    for (int i = 0; i < wanted.length; i++) {
      if (wanted[i] != null) {
        made[i] = Tensor.at(next, wanted[i].dtype(), results, wanted[i].shape());
        next += bytes(wanted[i]);
      }
    }
    HeadRows rows =
        keptIds == null ? HeadRows.all(weight) : HeadRows.gathered(weight, onDevice(keptIds));
    gpu.stream().kernels().head(new Head(hidden, rows, made[0], made[1], made[2], made[3]));
    MemorySegment host = MemorySegment.ofArray(new int[(int) (all / Integer.BYTES)]);
    memory.download(results, 0, host);
    next = 0;
    for (Tensor tensor : wanted) {
      if (tensor != null) {
        MemorySegment.copy(host, next, tensor.segment(), tensor.offset(), bytes(tensor));
        next += bytes(tensor);
      }
    }
  }

  /** The ids on the device, where most often they lie already. */
  private Tensor onDevice(Tensor ids) {
    MemorySegment given = ids.segment().asSlice(ids.offset(), bytes(ids));
    if (keptOnHost.mismatch(given) != -1) {
      keptOnHost = MemorySegment.ofArray(given.toArray(ValueLayout.JAVA_INT));
      kept = atLeast(kept, given.byteSize());
      memory.upload(given, kept, 0);
    }
    return Tensor.of(DType.I32, kept, ids.shape());
  }

  private Buffer atLeast(Buffer buffer, long bytes) {
    if (buffer.byteSize() >= bytes) {
      return buffer;
    }
    Buffer larger = memory.allocate(2 * bytes);
    buffer.close();
    return larger;
  }

  @Override
  public void close() {
    results.close();
    kept.close();
  }
}
