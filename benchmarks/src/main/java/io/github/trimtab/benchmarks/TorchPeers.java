package io.github.trimtab.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What torch_peers.py measured on the machine of a run: times of the same operations on the same
 * shapes. They ran one after the other, not in turn, so a ratio is that of the medians, and its
 * spread that of both times.
 *
 * @param version of torch and what it calls, or why it took no part
 * @param absent forms that torch refused, a sentence each
 * @param peers its times
 */
record TorchPeers(String version, List<String> absent, List<Time> peers) {
  /** Microseconds of one form of an operation. */
  record Time(String name, String shape, String peer, Spread value) {}

  static TorchPeers read(Path file) throws IOException {
    return new ObjectMapper().readValue(file.toFile(), TorchPeers.class);
  }

  /** A run with torch beside each of its operations that torch has measured too. */
  Results beside(Results run) {
    List<Figure> figures = new ArrayList<>(run.figures());
    for (Time time : peers) {
      run.figures().stream()
          .filter(ours -> ours.group() == Figure.Group.SPEED)
          .filter(ours -> ours.name().equals(time.name) && ours.shape().equals(time.shape))
          .map(ours -> figure(ours, time))
          .forEach(figures::add);
    }
    List<String> sentences = new ArrayList<>(run.absent());
    sentences.add("PyTorch: " + version + ".");
    sentences.addAll(absent);
    return new Results(run.machine(), run.commit(), run.date(), sentences, figures);
  }

  private static Figure figure(Figure ours, Time time) {
    Spread a = ours.value();
    Spread b = time.value;
    var ratio = new Spread(b.q1() / a.q3(), b.median() / a.median(), b.q3() / a.q1());
    return new Figure(
        Figure.Group.PEER,
        ours.name(),
        ours.shape(),
        ours.threads(),
        ours.unit(),
        a,
        new Figure.Peer(time.peer, b, ratio));
  }
}
