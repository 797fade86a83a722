package io.github.trimtab.kv;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.IntConsumer;

/**
 * A step on a device of which a {@link KvCache} has decided what it does to each layer before any
 * of it runs, so that it may be recorded and replayed.
 *
 * <p>The pages are taken and all tables are there. {@link KvCache#attend} sees a layer as it was
 * until {@link #store} has enqueued what was decided; both come for each layer in rising order, and
 * {@link #close} ends the step. The counts of the cache are those behind the step at once.
 *
 * <p>Threads: one at a time, and the cache's.
 */
public final class PlannedStep implements AutoCloseable {
  private final LayerSteps steps;
  private final LayerTables tables;
  private final EvictionScratch scratch;
  // Of each layer: what it enqueues, and all that decides how besides the shapes.
  private final List<List<Runnable>> operations = new ArrayList<>();
  private final List<Integer> form = new ArrayList<>();
  private boolean deciding = true;
  private boolean open = true;

  PlannedStep(LayerSteps steps, LayerTables tables, EvictionScratch scratch) {
    this.steps = steps;
    this.tables = tables;
    this.scratch = scratch;
  }

  /** Decides all layers and brings the tables to the device. */
  void decide(IntConsumer stores) {
    tables.stage();
    scratch.planned(true);
    for (int layer = 0; layer < tables.layers(); layer++) {
      operations.add(new ArrayList<>());
      stores.accept(layer);
    }
    deciding = false;
    tables.uploadStaged();
  }

  /** Whether a layer is being decided. */
  boolean decides(int layer) {
    return deciding && layer == operations.size() - 1;
  }

  /** Adds an operation of the layer that is being decided. */
  void add(Runnable operation) {
    operations.getLast().add(operation);
  }

  /** Notes how that layer is changed. */
  void note(List<Integer> changed) {
    form.addAll(changed);
  }

  private record Key(long scratchBytes, List<Integer> form) {}

  /**
   * What tells steps apart whose stores, shapes and addresses are the same: where these and the
   * keys are equal, {@link #store} enqueues the same operations, and a graph that has recorded one
   * step replays the other. A cache's memory for scores may grow, a pool with few free pages makes
   * lists be rewritten in smaller portions, and pages that rows share are copied.
   *
   * @return a value with {@code equals} and {@code hashCode}
   */
  public Object key() {
    return new Key(scratch.byteSize(), List.copyOf(form));
  }

  /**
   * Enqueues what the step does to a layer.
   *
   * @throws IllegalStateException if the step has ended
   */
  public void store(int layer) {
    if (!open) {
      throw new IllegalStateException("the planned step has ended");
    }
    operations.get(Objects.checkIndex(layer, operations.size())).forEach(Runnable::run);
  }

  /** Ends the step; harmless when it has ended. */
  @Override
  public void close() {
    if (open) {
      open = false;
      scratch.planned(false);
      tables.settle();
      steps.ended();
    }
  }
}
