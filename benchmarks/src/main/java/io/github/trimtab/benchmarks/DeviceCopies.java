package io.github.trimtab.benchmarks;

import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Copies of ordinary memory to a device and back beside JCuda's, each until its source may change
 * or its target is written.
 */
final class DeviceCopies {
  private static final int[] KIBIBYTES = {4, 1024, 65536};

  /** Copies of a timed batch take this much together, unless one is larger. */
  private static final int BATCH_KIBIBYTES = 1024;

  /** A way to copy between its memory of the host and its memory of the device. */
  record Form(
      String name,
      MemorySegment host,
      Runnable before,
      Runnable upload,
      Runnable download,
      Runnable after) {}

  private final CudaStream stream;
  private final JCudaPeer peer;
  private final double seconds;
  private final List<Figure> figures = new ArrayList<>();

  /** Each group of forms warms up for {@code seconds}. */
  DeviceCopies(CudaStream stream, JCudaPeer peer, double seconds) {
    this.stream = stream;
    this.peer = peer;
    this.seconds = seconds;
  }

  List<Figure> measure() {
    for (int kibibytes : KIBIBYTES) {
      measure(kibibytes);
    }
    return figures;
  }

  private void measure(int kibibytes) {
    int bytes = kibibytes << 10;
    int calls = Math.max(1, BATCH_KIBIBYTES / kibibytes);
    Memory memory = stream.memory();
    try (Arena arena = Arena.ofConfined();
        Buffer device = memory.allocate(bytes);
        JCudaPeer.Copies copies = peer.new Copies(bytes)) {
      MemorySegment host = arena.allocate(bytes);
      var ours =
          new Form(
              "trimtab",
              host,
              () -> {},
              () -> memory.upload(host, device, 0),
              () -> memory.download(device, 0, host),
              stream::synchronize);
      List<Form> theirs = List.of(copies.ordinary(), copies.pinned());
      Rounds up = new Rounds(1);
      Rounds down = new Rounds(1);
      Stream.concat(Stream.of(ours), theirs.stream())
          .forEach(form -> {
            check(form);
            up.add(form.name, 1, form.before, batch(calls, form.upload), form.after);
            down.add(form.name, 1, form.before, batch(calls, form.download), form.after);
          });
      up.run(seconds);
      down.run(seconds);
      String size = kibibytes < 1024 ? kibibytes + " KiB" : kibibytes / 1024 + " MiB";
      String shape = size + " of ordinary memory";
      for (Form form : theirs) {
        figures.add(Figure.beside("upload", shape, "us", 1e6 / calls, up, ours.name, form.name));
        figures.add(
            Figure.beside("download", shape, "us", 1e6 / calls, down, ours.name, form.name));
      }
    }
  }

  private static Rounds.Body batch(int calls, Runnable call) {
    return set -> {
      for (int i = 0; i < calls; i++) {
        call.run();
      }
    };
  }

  /** What goes there must come back, or a copy would be measured that is none. */
  private static void check(Form form) {
    byte[] values = new byte[(int) form.host.byteSize()];
    new Random(1).nextBytes(values);
    MemorySegment sent = MemorySegment.ofArray(values);
    form.before.run();
    form.host.copyFrom(sent);
    form.upload.run();
    form.host.fill((byte) 0);
    form.download.run();
    form.after.run();
    if (form.host.mismatch(sent) >= 0) {
      throw new IllegalStateException(form.name + ": what was copied there comes back different");
    }
  }
}
