package io.github.trimtab.engine.completion;

import io.github.trimtab.speculative.DraftHeads;
import io.github.trimtab.speculative.Drafting;
import io.github.trimtab.speculative.DynamicVocabulary;
import io.github.trimtab.speculative.Warping;
import org.jspecify.annotations.Nullable;

/**
 * How a completion is drafted.
 *
 * @param heads what makes tokens of the drafter's vectors
 * @param length drafted tokens of a round, the gamma of MBSU
 * @param tail ids that follow the text, which {@code heads} reads; or null
 */
public record Speculation(
    Drafter drafter, DraftHeads heads, int length, @Nullable DynamicVocabulary tail) {

  /** Chains: of the most probable tokens for a greedy target, else drawn as the target draws. */
  Drafting drafting(Warping warping) {
    return warping.isGreedy()
        ? new Drafting.Tree(1, length, length)
        : new Drafting.Chain(length, Warping.temperature(warping.temperature()));
  }
}
