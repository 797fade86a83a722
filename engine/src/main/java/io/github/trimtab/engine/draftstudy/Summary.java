package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.Drafter;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.speculative.SpeedUp;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A cell over its prompts.
 *
 * @param prompts how many
 * @param tau tokens a target pass
 * @param change of tau against the full head's, on the same prompts; 1 is none
 * @param acceptance drafted tokens that became text, as a share
 * @param coverage tokens written that the list holds, as a share
 * @param speed tokens a second
 * @param speedChange of tokens a second against the full head's
 * @param cost c of a draft pass at the models' own weights; NaN where the head changes
 * @param mbsu memory-bound speed-up at that cost; NaN likewise
 * @param paperMbsu the same at the costs of the paper's EAGLE drafter
 */
public record Summary(
    Cell cell,
    int prompts,
    Ratio tau,
    Ratio change,
    Ratio acceptance,
    Ratio coverage,
    Ratio speed,
    Ratio speedChange,
    double cost,
    double mbsu,
    double paperMbsu) {

  /** Cost ratios of VocabTrim's EAGLE drafter for Llama 3.2 3B: the full head and a quarter. */
  private static final double PAPER_FULL = 0.160;

  private static final double PAPER_QUARTER = 0.069;

  /**
   * Sums up a cell.
   *
   * @param reference measurements of the cell that it is compared with
   * @return null where nothing was measured
   */
  static @Nullable Summary of(
      Cell cell, List<Measurement> all, List<Measurement> reference, TextModels models) {
    List<Measurement> own = new ArrayList<>();
    List<Measurement> others = new ArrayList<>();
    for (Measurement one : all) {
      for (Measurement other : reference) {
        if (other.prompt() == one.prompt()) {
          own.add(one);
          others.add(other);
        }
      }
    }
    if (own.isEmpty()) {
      return null;
    }
    Ratio tau = Ratio.of(own, Summary::emitted, Measurement::rounds);
    Drafter drafter = cell.drafter();
    int vocabulary = models.target().config().vocabulary();
    int rows = Math.min(vocabulary, cell.rows() + cell.tail());
    boolean fixed = cell.choice() == Cell.Choice.FIXED;
    double cost = drafter == null ? 0 : fixed ? drafter.cost(models, rows) : Double.NaN;
    double share = (double) rows / vocabulary;
    double paper =
        drafter == null
            ? 0
            : fixed ? PAPER_FULL - (1 - share) / 0.75 * (PAPER_FULL - PAPER_QUARTER) : Double.NaN;
    return new Summary(
        cell,
        own.size(),
        tau,
        Ratio.ofRatios(own, others, Summary::emitted, Measurement::rounds),
        Ratio.of(own, Measurement::accepted, m -> Math.max(m.drafted(), 1)),
        Ratio.of(own, Measurement::covered, Measurement::tokens),
        Ratio.of(own, Measurement::tokens, Measurement::seconds),
        Ratio.ofRatios(own, others, Measurement::tokens, Measurement::seconds),
        cost,
        SpeedUp.memoryBound(tau.value(), cost, cell.gamma()),
        SpeedUp.memoryBound(tau.value(), paper, cell.gamma()));
  }

  private static double emitted(Measurement measurement) {
    return measurement.accepted() + measurement.rounds();
  }
}
