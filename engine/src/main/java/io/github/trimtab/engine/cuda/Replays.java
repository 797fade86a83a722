package io.github.trimtab.engine.cuda;

import io.github.trimtab.cuda.CudaGraph;
import io.github.trimtab.cuda.CudaStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Work that comes again: enqueued call by call the first time, which also sizes what it needs, then
 * recorded as a CUDA graph, then replayed. One thread at a time.
 */
public final class Replays implements AutoCloseable {

  private final CudaStream stream;
  private final Set<Object> seen = new HashSet<>();
  private final Map<Object, CudaGraph> graphs = new HashMap<>();

  /** None yet. */
  public Replays(CudaStream stream) {
    this.stream = stream;
  }

  /**
   * Enqueues work.
   *
   * @param key equal where shapes, addresses and every other argument of the work are
   * @param work enqueues on the stream; neither waits nor copies from or to the host
   */
  @SuppressWarnings("MustBeClosedChecker") // closed with this
  public void run(Object key, Runnable work) {
    CudaGraph graph = graphs.get(key);
    if (graph == null && seen.add(key)) {
      work.run();
      return;
    }
    if (graph == null) {
      graph = stream.capture(work);
      graphs.put(key, graph);
    }
    graph.launch();
  }

  /** Forgets all work, since what it uses moves. */
  public void forget() {
    graphs.values().forEach(CudaGraph::close);
    graphs.clear();
    seen.clear();
  }

  @Override
  public void close() {
    forget();
  }
}
