package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.scalekv.CapacityTable;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Budgets of single heads and what corrects their outputs: from the budgets that cutting one head
 * at a time gives, or from earlier ones, by some rounds of search.
 *
 * @param maps pictures of a round
 * @param seed of their noise
 * @param rounds of search, 0 or more
 */
public record HeadCalibration(VarModel model, Kernels kernels, int maps, long seed, int rounds) {

  /**
   * Passes over pictures, for a progress bar.
   *
   * @param budgets how many
   */
  public int passes(int budgets) {
    return budgets * (rounds * HeadCalibrator.passes(model.config(), maps) + 2 * pictures());
  }

  /** Corrections are measured on all pictures of the search. */
  private int pictures() {
    return maps * Math.max(1, rounds);
  }

  /**
   * Measures, several passes at once; the result does not depend on how many.
   *
   * @param measured of the model
   * @param earlier budgets that the search goes on from; those that measurements give where it has
   *     none
   * @param budgets tokens a layer and head on average
   * @param progress is told the passes done
   */
  public HeadBudgets run(
      CalibrationFile measured, HeadBudgets earlier, List<Integer> budgets, IntConsumer progress) {
    AtomicInteger passes = new AtomicInteger();
    HeadCalibrator calibrator =
        new HeadCalibrator(
            model, kernels, maps, seed, () -> progress.accept(passes.incrementAndGet()));
    SortedMap<Integer, HeadBudgets.Entry> made = new TreeMap<>();
    for (int tokens : budgets) {
      HeadBudgets.Entry known = earlier.budgets().get(tokens);
      CapacityTable table =
          known == null ? StudyRuns.heads(model.config(), measured, tokens) : known.table();
      for (int round = 0; round < rounds; round++) {
        table = calibrator.improve(table, tokens, round);
      }
      made.put(tokens, new HeadBudgets.Entry(table, calibrator.correction(table, pictures())));
    }
    return new HeadBudgets(made);
  }
}
