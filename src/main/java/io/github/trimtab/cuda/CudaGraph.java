package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Work that the device runs as one. What it reads from its buffers may change between two launches;
 * buffers stay open for as long as the graph is launched.
 *
 * <p>Threads: any; see {@link CudaStream}.
 */
public final class CudaGraph implements AutoCloseable {
  private final CudaStream stream;
  private final Context context;
  private final CudaOperation[] operations;
  private final String name;
  private final MemorySegment executable;
  private boolean open = true;

  /**
   * Takes over a recorded graph.
   *
   * @param operations those whose buffers are checked at each launch
   */
  CudaGraph(CudaStream stream, MemorySegment graph, List<CudaOperation> operations) {
    this.stream = stream;
    this.context = stream.device().context();
    this.operations = operations.toArray(CudaOperation[]::new);
    this.name =
        operations.isEmpty()
            ? "a graph"
            : operations.stream()
                .map(operation -> operation.operation().getClass().getSimpleName())
                .distinct()
                .collect(Collectors.joining(", ", "a graph of ", ""));
    try {
      this.executable =
          context.create("cuGraphInstantiate", out -> cuGraphInstantiateWithFlags(out, graph, 0));
    } finally {
      context.release("cuGraphDestroy", () -> cuGraphDestroy(graph));
    }
  }

  /**
   * Enqueues all of it, on the stream that it was recorded on.
   *
   * @throws IllegalStateException if the graph is closed, or a buffer of the operations that it was
   *     recorded from
   */
  public void launch() {
    synchronized (stream) {
      stream.begin();
      if (!open) {
        throw new IllegalStateException("the graph is closed");
      }
      long held = context.holdFrees();
      try {
        for (CudaOperation operation : operations) {
          operation.requireOpenBuffers();
        }
        stream.call("cuGraphLaunch", () -> cuGraphLaunch(executable, stream.pointer()));
      } finally {
        context.allowFrees(held);
      }
      stream.latest(name);
    }
  }

  /** Frees it; launches that were enqueued still run. Harmless when already closed. */
  @Override
  public void close() {
    synchronized (stream) {
      if (open) {
        open = false;
        context.release("cuGraphExecDestroy", () -> cuGraphExecDestroy(executable));
      }
    }
  }
}
