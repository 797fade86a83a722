package io.github.trimtab.kv;

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
  private static final int NONE = -1;

  private final LayerSteps steps;
  private final LayerTables tables;
  private final EvictionScratch scratch;
  // Of each layer: what it enqueues, and all that decides how besides the shapes.
  private final List<List<Runnable>> operations;
  private final List<Integer> form;
  private int deciding = NONE;
  private boolean open = true;

  /**
   * A step of which nothing is decided.
   *
   * @param operations of each layer, empty lists that one step after the other fills
   * @param form an empty list that they fill as well
   */
  PlannedStep(
      LayerSteps steps,
      LayerTables tables,
      EvictionScratch scratch,
      List<List<Runnable>> operations,
      List<Integer> form) {
    this.steps = steps;
    this.tables = tables;
    this.scratch = scratch;
    this.operations = operations;
    this.form = form;
  }

  /** Decides all layers and brings the tables to the device. */
  void decide(IntConsumer stores) {
    tables.stage();
    scratch.planned(true);
    for (deciding = 0; deciding < tables.layers(); deciding++) {
      stores.accept(deciding);
    }
    deciding = NONE;
    tables.uploadStaged();
  }

  /** Whether a layer is being decided. */
  boolean decides(int layer) {
    return layer == deciding;
  }

  /** Adds an operation of the layer that is being decided. */
  void add(Runnable operation) {
    operations.get(deciding).add(operation);
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
   * @throws IllegalStateException if the step has ended
   */
  public Object key() {
    requireOpen();
    return new Key(scratch.byteSize(), List.copyOf(form));
  }

  /**
   * Enqueues what the step does to a layer.
   *
   * @throws IllegalStateException if the step has ended
   */
  public void store(int layer) {
    requireOpen();
    operations.get(Objects.checkIndex(layer, operations.size())).forEach(Runnable::run);
  }

  private void requireOpen() {
    if (!open) {
      throw new IllegalStateException("the planned step has ended");
    }
  }

  /** Ends the step; harmless when it has ended. */
  @Override
  public void close() {
    if (open) {
      open = false;
      operations.forEach(List::clear);
      form.clear();
      scratch.planned(false);
      tables.settle();
      steps.ended();
    }
  }
}
