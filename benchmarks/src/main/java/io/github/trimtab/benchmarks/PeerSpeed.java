package io.github.trimtab.benchmarks;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Draft heads against other libraries' products of the same matrix, all on cold rows and in turn.
 * Of quantised rows each has its own format, made from the same values.
 */
final class PeerSpeed implements AutoCloseable {
  private static final int ROWS = 32768;
  private static final int COLUMNS = 2048;

  /**
   * How far a peer's logits may lie from ours, as a share of their length: formats round
   * differently, an error in calling a library is far outside.
   */
  private static final Map<DType, Double> MOST_DIFFERENCE =
      Map.of(DType.F32, 1e-4, DType.BF16, 1e-2, DType.INT8, 0.03, DType.INT4, 0.3);

  private final Kernels kernels;
  private final Workers workers;
  private final double seconds;
  private final List<HeadPeer> peers;
  private final List<String> absent = new ArrayList<>();
  private final List<Figure> figures = new ArrayList<>();

  PeerSpeed(Kernels kernels, Workers workers, double seconds) {
    this.kernels = kernels;
    this.workers = workers;
    this.seconds = seconds;
    this.peers = peers(workers.threads(), absent);
  }

  /** Those that work here; of the others a sentence each is added to {@code absent}. */
  static List<HeadPeer> peers(int threads, List<String> absent) {
    List<HeadPeer> peers = new ArrayList<>();
    Ggml.find(threads, absent).ifPresent(peers::add);
    OpenBlas.find(threads, absent).ifPresent(peers::add);
    Jlama.find(absent).ifPresent(peers::add);
    peers.add(Jlama.panama());
    peers.add(new PlainJava());
    return peers;
  }

  /** A sentence for each peer that could not take part. */
  List<String> absent() {
    return absent;
  }

  List<Figure> measure() {
    for (DType format : List.of(DType.F32, DType.BF16, DType.INT8, DType.INT4)) {
      compare(format, 1);
    }
    compare(DType.F32, 8);
    compare(DType.BF16, 8);
    compare(DType.INT8, 8);
    return figures;
  }

  private void compare(DType format, int vectors) {
    List<HeadPeer> taking = peers.stream().filter(peer -> peer.takes(format, vectors)).toList();
    try (var data = new Data(kernels)) {
      Tensor source = data.random(DType.F32, ROWS, COLUMNS);
      int sets = Rounds.setsFor(format.bytes((long) ROWS * COLUMNS));
      List<WeightRows> copies = Data.copies(sets, () -> data.weights(format, source));
      Tensor hidden = data.random(DType.F32, vectors, COLUMNS);
      Tensor ours = data.zeros(DType.F32, vectors, ROWS);
      Tensor theirs = data.zeros(DType.F32, vectors, ROWS);
      List<Head> heads =
          copies.stream().map(rows -> Head.logits(hidden, HeadRows.all(rows), ours)).toList();
      var task = new HeadPeer.Task(copies, source, hidden, theirs, workers);
      kernels.head(heads.getFirst());
      Rounds rounds = new Rounds(sets);
      rounds.add("trimtab", 1, set -> kernels.head(heads.get(set)));
      for (HeadPeer peer : taking) {
        Rounds.Body body = peer.prepare(task);
        // What a peer leaves unwritten must not pass for its result.
        theirs.segment().fill((byte) 0);
        body.run(0);
        check(peer, format, ours, theirs);
        rounds.add(peer.name(), 1, body);
      }
      rounds.run(seconds);
      for (HeadPeer peer : taking) {
        figures.add(figure(rounds, format, vectors, peer.name()));
      }
    }
  }

  private Figure figure(Rounds rounds, DType format, int vectors, String peer) {
    return new Figure(
        Figure.Group.PEER,
        "head",
        "%s, %d rows x %d, %d vector%s"
            .formatted(format, ROWS, COLUMNS, vectors, vectors == 1 ? "" : "s"),
        workers.threads(),
        "ms",
        rounds.seconds("trimtab").times(1e3),
        new Figure.Peer(peer, rounds.seconds(peer).times(1e3), rounds.ratio("trimtab", peer)));
  }

  /** A peer that computes something else would be measured for nothing. */
  static void check(HeadPeer peer, DType format, Tensor ours, Tensor theirs) {
    float[] a = ours.segment().toArray(ValueLayout.JAVA_FLOAT);
    float[] b = theirs.segment().toArray(ValueLayout.JAVA_FLOAT);
    double difference = 0;
    double length = 0;
    for (int i = 0; i < a.length; i++) {
      difference += Math.pow(a[i] - b[i], 2);
      length += Math.pow(a[i], 2);
    }
    double share = Math.sqrt(difference / length);
    double most = Optional.ofNullable(MOST_DIFFERENCE.get(format)).orElseThrow();
    if (!(share <= most)) {
      throw new IllegalStateException(
          "%s, %s rows: logits differ by %.2g of their length, expected at most %.2g"
              .formatted(peer.name(), format, share, most));
    }
  }

  @Override
  public void close() {
    peers.forEach(HeadPeer::close);
  }
}
