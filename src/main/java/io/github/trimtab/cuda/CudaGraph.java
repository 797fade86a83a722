package io.github.trimtab.cuda;

import static io.github.trimtab.internal.cuda.bindings.cuda_h.*;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Operations that the device runs as one. What they read from their buffers may change between two
 * launches; buffers stay open for as long as the graph is launched.
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

  /** Takes over a recorded graph. */
  CudaGraph(CudaStream stream, MemorySegment graph, List<CudaOperation> operations) {
    this.stream = stream;
    this.context = stream.device().context();
    this.operations = operations.toArray(CudaOperation[]::new);
    this.name =
        operations.stream()
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
   * Enqueues all operations, on the stream that they were recorded on.
   *
   * @throws IllegalStateException if the graph or one of its buffers is closed
   */
  public void launch() {
    synchronized (stream) {
      stream.begin();
      if (!open) {
        throw new IllegalStateException("the graph is closed");
      }
      for (CudaOperation operation : operations) {
        operation.requireOpenBuffers();
      }
      stream.call("cuGraphLaunch", () -> cuGraphLaunch(executable, stream.pointer()));
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
