package io.github.trimtab.benchmarks;

import com.sun.management.ThreadMXBean;
import io.github.trimtab.cuda.CudaDevice;
import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;

/**
 * What an enqueued operation costs the host from Java, in time and in bytes left to the collector:
 * the operation that gpu-benchmark launches from C++, so that Java's part is the difference.
 */
public final class GpuHost {
  private static final int TOKENS = 32;
  private static final int KEPT = 16;
  private static final int BATCHES = 50;
  private static final String SHAPE = "select 16 of 32, from Java, ";

  private final int calls;
  private final List<Figure> figures = new ArrayList<>();

  private GpuHost(int calls) {
    this.calls = calls;
  }

  /**
   * Measures on device 0.
   *
   * @param args the file to write, calls a batch
   */
  public static void main(String[] args) throws IOException {
    var host = new GpuHost(Integer.parseInt(args[1]));
    CudaDevice device = CudaDevice.of(0);
    host.measure(device);
    Machine machine = Machine.here(device.name(), "");
    String date = LocalDate.now(ZoneOffset.UTC).toString();
    new Results(machine, "", date, List.of(), host.figures).write(Path.of(args[0]));
  }

  private void measure(CudaDevice device) {
    try (CudaStream stream = device.newStream();
        Buffer scores = device.allocate(DType.F32.bytes(TOKENS));
        Buffer capacity = device.allocate(DType.I32.bytes(1));
        Buffer indices = device.allocate(DType.I32.bytes(KEPT))) {
      var select =
          new Select(
              Tensor.of(DType.F32, scores, 1, 1, TOKENS),
              null,
              null,
              Tensor.of(DType.I32, capacity, 1, 1),
              Tensor.of(DType.I32, indices, 1, 1, KEPT));
      var prepared = stream.prepare(select);
      Kernels kernels = stream.kernels();
      calls("prepared", stream, prepared::enqueue);
      calls("as a value", stream, () -> kernels.select(select));
    }
  }

  private void calls(String form, CudaStream stream, Runnable call) {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    double[] nanoseconds = new double[BATCHES];
    double[] bytes = new double[BATCHES];
    for (int batch = -BATCHES; batch < BATCHES; batch++) {
      long allocated = threads.getCurrentThreadAllocatedBytes();
      long start = System.nanoTime();
      for (int i = 0; i < calls; i++) {
        call.run();
      }
      long time = System.nanoTime() - start;
      long left = threads.getCurrentThreadAllocatedBytes() - allocated;
      stream.synchronize();
      if (batch >= 0) {
        nanoseconds[batch] = (double) time / calls;
        bytes[batch] = (double) left / calls;
      }
    }
    add(form, "ns", nanoseconds);
    add(form, "bytes", bytes);
  }

  private void add(String form, String unit, double[] values) {
    figures.add(
        new Figure(Figure.Group.CALL, "launch", SHAPE + form, 0, unit, Spread.of(values), null));
  }
}
