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
import java.util.Optional;

/**
 * What an enqueued operation costs the host from Java, in time and in bytes left to the collector:
 * the operation that gpu-benchmark launches from C++, so that Java's part is the difference. Beside
 * it JCuda's launches, and copies by both.
 */
public final class GpuHost {
  private static final int TOKENS = 32;
  private static final int KEPT = 16;

  /** Launches of a timed batch, which the device's queue takes without waiting. */
  private static final int CALLS = 500;

  private static final int COUNTED_BATCHES = 50;

  /** Copies warm up for this part of the time. */
  private static final int COPIES = 5;

  private static final String SELECT = "select %d of %d, from Java, ".formatted(KEPT, TOKENS);
  private static final String PREPARED = SELECT + "prepared";
  private static final String AS_A_VALUE = SELECT + "as a value";

  /** Nothing is launched: what is left is the call. */
  private static final String NO_ROWS = "select of no rows, from Java, prepared";

  private static final String NOTHING = JCudaPeer.NAME + ", a kernel that does nothing";
  private static final String POINTERS = NOTHING + ", of four pointers";

  private final double seconds;
  private final List<Figure> figures = new ArrayList<>();
  private final List<String> absent = new ArrayList<>();

  private GpuHost(double seconds) {
    this.seconds = seconds;
  }

  /**
   * Measures on device 0.
   *
   * @param args the file to write, and how many seconds to warm up each group of contestants
   */
  public static void main(String[] args) throws IOException {
    var host = new GpuHost(Double.parseDouble(args[1]));
    CudaDevice device = CudaDevice.of(0);
    Optional<JCudaPeer> peer = JCudaPeer.find(host.absent);
    try (CudaStream stream = device.newStream()) {
      host.launches(stream, peer);
      peer.map(jcuda -> new DeviceCopies(stream, jcuda, host.seconds / COPIES))
          .ifPresent(copies -> host.figures.addAll(copies.measure()));
    }
    Machine machine = Machine.here(device.name(), "");
    String date = LocalDate.now(ZoneOffset.UTC).toString();
    new Results(machine, "", date, host.absent, host.figures).write(Path.of(args[0]));
  }

  private void launches(CudaStream stream, Optional<JCudaPeer> peer) {
    CudaDevice device = stream.device();
    try (Buffer scores = device.allocate(DType.F32.bytes(TOKENS));
        Buffer capacity = device.allocate(DType.I32.bytes(1));
        Buffer indices = device.allocate(DType.I32.bytes(KEPT))) {
      Select select = select(1, scores, capacity, indices);
      Kernels kernels = stream.kernels();
      Runnable launch = stream.prepare(select)::enqueue;
      Runnable nothing = stream.prepare(select(0, scores, capacity, indices))::enqueue;
      Runnable value = () -> kernels.select(select);
      var rounds = new Rounds(1);
      rounds.add(PREPARED, 1, () -> {}, batch(launch), stream::synchronize);
      rounds.add(NO_ROWS, 1, () -> {}, batch(nothing), stream::synchronize);
      rounds.add(AS_A_VALUE, 1, () -> {}, batch(value), stream::synchronize);
      peer.ifPresent(jcuda -> {
        rounds.add(NOTHING, 1, jcuda::enter, batch(jcuda::launch), jcuda::waitAndExit);
        rounds.add(POINTERS, 1, jcuda::enter, batch(jcuda::launchWithPointers), jcuda::waitAndExit);
      });
      rounds.run(seconds);
      time(rounds, PREPARED);
      add(PREPARED, "bytes", bytes(stream, launch));
      time(rounds, NO_ROWS);
      time(rounds, AS_A_VALUE);
      add(AS_A_VALUE, "bytes", bytes(stream, value));
      if (peer.isPresent()) {
        figures.add(against(rounds, NOTHING));
        figures.add(against(rounds, POINTERS));
      }
    }
  }

  private static Rounds.Body batch(Runnable call) {
    return set -> {
      for (int i = 0; i < CALLS; i++) {
        call.run();
      }
    };
  }

  /** Bytes of a call that are left to the collector, batch by batch. */
  private static Spread bytes(CudaStream stream, Runnable call) {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    double[] bytes = new double[COUNTED_BATCHES];
    for (int batch = 0; batch < bytes.length; batch++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < CALLS; i++) {
        call.run();
      }
      bytes[batch] = (double) (threads.getCurrentThreadAllocatedBytes() - before) / CALLS;
      stream.synchronize();
    }
    return Spread.of(bytes);
  }

  private void time(Rounds rounds, String form) {
    add(form, "ns", rounds.seconds(form).times(1e9 / CALLS));
  }

  private void add(String form, String unit, Spread value) {
    figures.add(new Figure(Figure.Group.CALL, "launch", form, 0, unit, value, null));
  }

  private Figure against(Rounds rounds, String peer) {
    return Figure.beside("launch", PREPARED, "ns", 1e9 / CALLS, rounds, PREPARED, peer);
  }

  private static Select select(long rows, Buffer scores, Buffer capacity, Buffer indices) {
    return new Select(
        Tensor.of(DType.F32, scores, rows, 1, TOKENS),
        null,
        null,
        Tensor.of(DType.I32, capacity, rows, 1),
        Tensor.of(DType.I32, indices, rows, 1, KEPT));
  }
}
