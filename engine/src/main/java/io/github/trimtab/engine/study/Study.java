package io.github.trimtab.engine.study;

import io.github.trimtab.engine.math.Parallel;
import io.github.trimtab.engine.report.Records;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.ObjIntConsumer;

/**
 * Measures runs on items, item by item, several items at once. What the records hold already is not
 * measured again; results depend neither on the number of threads nor on where a study was stopped.
 */
final class Study {

  /** Items of one kind, and how they are measured. */
  interface Set {
    /** Name in the records. */
    String set();

    /**
     * Measures an item with some runs.
     *
     * @param full the run that the others are compared with
     */
    void measure(int item, Run full, List<Run> runs, Consumer<Measurement> sink);
  }

  /**
   * What is to be measured.
   *
   * @param items how many
   */
  record Task(Set set, int items, Run full, List<Run> runs) {}

  private record Unit(Task task, int item, List<Run> missing) {}

  private final Records<Measurement> records;

  Study(Records<Measurement> records) {
    this.records = records;
  }

  /**
   * Measures what is missing.
   *
   * @param progress is told how many measurements there will be and how many there are
   */
  void run(List<Task> tasks, ObjIntConsumer<Integer> progress) {
    List<Unit> units = new ArrayList<>();
    int total = 0;
    for (Task task : tasks) {
      for (int item = 0; item < task.items; item++) {
        List<Run> missing = missing(task, item);
        if (!missing.isEmpty()) {
          units.add(new Unit(task, item, missing));
          total += missing.size();
        }
      }
    }
    int all = total;
    AtomicInteger done = new AtomicInteger();
    Parallel.forItems(
        units.size(),
        i -> {
          Unit unit = units.get(i);
          unit.task.set.measure(
              unit.item,
              unit.task.full,
              unit.missing,
              measurement -> {
                records.add(measurement);
                progress.accept(all, done.incrementAndGet());
              });
        });
  }

  private List<Run> missing(Task task, int item) {
    return task.runs.stream()
        .filter(run -> !records.has(new Measurement.Key(task.set.set(), item, run.id())))
        .toList();
  }
}
