package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.Drafter;
import io.github.trimtab.speculative.SpeedUp;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A cell over its prompts.
 *
 * @param prompts how many texts
 * @param tau tokens a target pass
 * @param change of tau against the full head's, on the same prompts; 1 is none
 * @param acceptance drafted tokens that became text, as a share
 * @param coverage tokens written that the list holds, as a share
 * @param speed tokens a second; NaN where the study is not timed
 * @param speedChange of tokens a second against the full head's; NaN likewise
 * @param own memory-bound speed-up at the models' own weights
 * @param paper the same at the costs of the paper's EAGLE drafter
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
    MemoryBound own,
    MemoryBound paper) {

  /** Cost ratios of VocabTrim's EAGLE drafter for Llama 3.2 3B: the full head and a quarter. */
  private static final double PAPER_FULL = 0.160;

  private static final double PAPER_QUARTER = 0.069;

  private static final Ratio UNKNOWN = new Ratio(Double.NaN, Double.NaN);

  /**
   * The memory-bound speed-up tau / (c gamma + 1) at some weights. All are NaN where the head
   * changes from round to round.
   *
   * @param cost c, a draft pass's weights over a target pass's
   * @param value MBSU
   * @param change of MBSU against the full head's; 1 is none
   */
  public record MemoryBound(double cost, Ratio value, Ratio change) {

    private static MemoryBound of(double cost, double full, int gamma, Ratio tau, Ratio change) {
      double gain = SpeedUp.memoryBound(1, cost, gamma);
      return new MemoryBound(
          cost, tau.times(gain), change.times(gain / SpeedUp.memoryBound(1, full, gamma)));
    }
  }

  /**
   * Sums up a cell.
   *
   * @param all its measurements, one a text
   * @param reference those of the cell that it is compared with
   * @return null where nothing was measured
   */
  static @Nullable Summary of(
      Cell cell, List<Measurement> all, List<Measurement> reference, Study study) {
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
    Ratio change = Ratio.ofRatios(own, others, Summary::emitted, Measurement::rounds);
    return new Summary(
        cell,
        own.size(),
        tau,
        change,
        Ratio.of(own, Measurement::accepted, m -> Math.max(m.drafted(), 1)),
        Ratio.of(own, Measurement::covered, Measurement::tokens),
        study.timed() ? Ratio.of(own, Measurement::tokens, Measurement::seconds) : UNKNOWN,
        study.timed()
            ? Ratio.ofRatios(own, others, Measurement::tokens, Measurement::seconds)
            : UNKNOWN,
        memoryBound(cell, study, tau, change, false),
        memoryBound(cell, study, tau, change, true));
  }

  private static MemoryBound memoryBound(
      Cell cell, Study study, Ratio tau, Ratio change, boolean paper) {
    Drafter drafter = cell.drafter();
    if (cell.choice() != Cell.Choice.FIXED) {
      return new MemoryBound(Double.NaN, UNKNOWN, UNKNOWN);
    }
    if (drafter == null) {
      return new MemoryBound(0, tau, change);
    }
    int vocabulary = study.plan().vocabulary();
    int rows = Math.min(vocabulary, cell.rows() + cell.tail());
    double cost =
        paper ? paperCost((double) rows / vocabulary) : drafter.cost(study.models(), rows);
    double full = paper ? PAPER_FULL : drafter.cost(study.models(), vocabulary);
    return MemoryBound.of(cost, full, cell.gamma(), tau, change);
  }

  /** On the line through the paper's two points. */
  private static double paperCost(double share) {
    return PAPER_FULL - (1 - share) / 0.75 * (PAPER_FULL - PAPER_QUARTER);
  }

  private static double emitted(Measurement measurement) {
    return measurement.accepted() + measurement.rounds();
  }
}
