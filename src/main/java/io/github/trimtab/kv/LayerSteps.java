package io.github.trimtab.kv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Stores what steps bring to the layers of a cache: at once, or as planned. */
final class LayerSteps {
  private final Kernels kernels;
  private final PagePool pool;
  private final Memory memory;
  private final LayerTables tables;
  private final EvictionScratch scratch;
  // What planned steps are made of, one step after the other.
  private final List<List<Runnable>> operations;
  private final List<Integer> form = new ArrayList<>();
  private @Nullable PlannedStep planned;

  LayerSteps(
      Kernels kernels, PagePool pool, Memory memory, LayerTables tables, EvictionScratch scratch) {
    this.kernels = kernels;
    this.pool = pool;
    this.memory = memory;
    this.tables = tables;
    this.scratch = scratch;
    this.operations =
        Stream.generate(() -> (List<Runnable>) new ArrayList<Runnable>())
            .limit(tables.layers())
            .toList();
  }

  /** Whether a step is planned and has not ended. */
  boolean isPlanned() {
    return planned != null;
  }

  /** Refuses what would change lists under a planned step. */
  void requireNoPlan() {
    if (planned != null) {
      throw new IllegalStateException("the cache has a planned step, which is not closed");
    }
  }

  /**
   * Changes a layer as the retentions say.
   *
   * @param newTokens of each row
   * @param retentions one for each row
   */
  void store(
      int layer,
      @Nullable Tensor q,
      @Nullable NewTokens fresh,
      int[] newTokens,
      List<? extends Retention> retentions) {
    LayerChange change = change(layer, q, fresh, newTokens, retentions);
    PlannedStep step = planned;
    if (step == null) {
      change.run(kernels, pool, Runnable::run);
    } else {
      step.note(change.run(kernels, pool, step::add));
    }
  }

  private LayerChange change(
      int layer,
      @Nullable Tensor q,
      @Nullable NewTokens fresh,
      int[] newTokens,
      List<? extends Retention> retentions) {
    if (planned != null && !planned.decides(layer)) {
      requireNoPlan();
    }
    scratch.layer(layer);
    return new LayerChange(
        tables.layer(layer), tables.spare(layer), scratch, memory, q, fresh, newTokens, retentions);
  }

  /**
   * Appends to all layers, with their tables in one copy.
   *
   * @param newTokens of each layer's rows
   */
  void append(List<NewTokens> fresh, List<int[]> newTokens) {
    List<LayerChange> changes = new ArrayList<>();
    for (int layer = 0; layer < fresh.size(); layer++) {
      int[] counts = newTokens.get(layer);
      List<Retention> all = Collections.nCopies(counts.length, new Retention.All());
      changes.add(change(layer, null, fresh.get(layer), counts, all));
    }
    List<AppendPages> growth = new ArrayList<>();
    boolean done = false;
    try {
      changes.forEach(change -> growth.add(change.grow(pool, Runnable::run)));
      tables.upload();
      changes.forEach(change -> change.append(kernels));
      done = true;
    } finally {
      for (AppendPages pages : growth) {
        pages.finish(done);
      }
    }
  }

  /** Decides a step of all layers; where that fails, every list is emptied. */
  PlannedStep plan(IntConsumer stores) {
    require(!memory.place().isHost(), "memory", memory.place(), "a device");
    require(planned == null, "plan", "a second one", "the first one to be closed");
    PlannedStep step = new PlannedStep(this, tables, scratch, operations, form);
    planned = step;
    try {
      step.decide(stores);
      return step;
    } catch (RuntimeException | Error e) {
      step.close();
      tables.clear();
      throw e;
    }
  }

  /** Ends the planned step. */
  void ended() {
    planned = null;
  }
}
