package io.github.trimtab.engine.study;

import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.scalekv.OutputCorrection;
import io.github.trimtab.scalekv.Schedule;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * One way to remember at one budget.
 *
 * @param id unique in a study
 * @param policy its name, the same at all budgets and page formats
 * @param tokens budget: tokens a layer and head on average
 * @param pages how pages hold keys and values
 * @param headPages whether a page holds one head, for policies whose heads keep unlike many
 * @param maker makes the policy for the rows of one picture, a new one for each cache
 * @param correction makes up for some of what is forgotten, if anything does
 */
record Run(
    String id,
    String policy,
    int tokens,
    DType pages,
    boolean headPages,
    IntFunction<EvictionPolicy> maker,
    @Nullable OutputCorrection correction) {

  /** Without a correction. */
  Run(
      String id,
      String policy,
      int tokens,
      DType pages,
      boolean headPages,
      IntFunction<EvictionPolicy> maker) {
    this(id, policy, tokens, pages, headPages, maker, null);
  }

  /** Remembers everything but the last scale, which nothing attends to afterwards. */
  static Run full(Schedule schedule) {
    int last = schedule.scales() - 1;
    return new Run(
        "full@100",
        "full",
        schedule.history(last),
        DType.F16,
        false,
        _ -> EvictionPolicy.full().storingNothingAt(last));
  }

  /** The same with a correction. */
  Run with(OutputCorrection other) {
    return new Run(id, policy, tokens, pages, headPages, maker, other);
  }

  /** The same with other pages. */
  Run in(DType other) {
    return new Run(
        id + "+" + StudyRuns.name(other), policy, tokens, other, headPages, maker, correction);
  }
}
