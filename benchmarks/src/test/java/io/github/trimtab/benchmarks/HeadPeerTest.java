package io.github.trimtab.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The peers that are here compute what we compute. */
class HeadPeerTest {
  private static final int ROWS = 128;
  private static final int COLUMNS = 1024;

  @ParameterizedTest
  @CsvSource({"F32,1", "BF16,1", "INT8,1", "INT4,1", "F32,8", "BF16,8", "INT8,8"})
  void logitsAgree(DType format, int vectors) {
    Kernels kernels = Backends.bestOnHost().hostKernels();
    List<String> absent = new ArrayList<>();
    List<HeadPeer> peers = PeerSpeed.peers(1, absent);
    assertThat(peers.size() + absent.size()).isEqualTo(5);
    try (var data = new Data(kernels);
        var workers = new Workers(1)) {
      Tensor source = data.random(DType.F32, ROWS, COLUMNS);
      List<WeightRows> copies = Data.copies(2, () -> data.weights(format, source));
      Tensor hidden = data.random(DType.F32, vectors, COLUMNS);
      Tensor ours = data.zeros(DType.F32, vectors, ROWS);
      Tensor theirs = data.zeros(DType.F32, vectors, ROWS);
      var task = new HeadPeer.Task(copies, source, hidden, theirs, workers);
      for (HeadPeer peer : peers) {
        if (peer.takes(format, vectors)) {
          Rounds.Body body = peer.prepare(task);
          for (int set = 0; set < copies.size(); set++) {
            kernels.head(Head.logits(hidden, HeadRows.all(copies.get(set)), ours));
            theirs.segment().fill((byte) 0);
            body.run(set);
            PeerSpeed.check(peer, format, ours, theirs);
          }
        }
      }
    }
    peers.forEach(HeadPeer::close);
  }

  @Test
  void aPeerThatComputesSomethingElseIsRefused() {
    try (var data = new Data(Backends.bestOnHost().hostKernels())) {
      Tensor ours = data.random(DType.F32, 1, ROWS);
      Tensor theirs = data.zeros(DType.F32, 1, ROWS);
      assertThatThrownBy(() -> PeerSpeed.check(new PlainJava(), DType.INT4, ours, theirs))
          .hasMessageContaining("plain Java loop, INT4 rows: logits differ by");
    }
  }
}
