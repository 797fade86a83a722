package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;

/**
 * Decides which drafted tokens become text, and what is emitted where the first one does not, such
 * that the text has exactly the target's distribution. Canonical.
 *
 * <p>B rows (batch), V ids of the vocabulary, g drafted tokens, T nodes of a tree, n siblings. A
 * target row p holds probabilities of all V ids; a draft row q holds those of the k kept ids alone,
 * in the order of {@code ids}, and is what the drafted token was drawn from. Ids that are not kept
 * have q = 0. Both are final: temperature and all else is applied before.
 *
 * <p>A token with uniform u is accepted where u q &lt; p, computed in binary64, where it is exact.
 * An id is drawn from masses m with uniform u as follows: totals of chunks of 256 ids, each as 32
 * lanes and their tree, are added in rising order until they exceed u times the total of all (the
 * last chunk with a positive total if none does), then the ids of that chunk one by one (the last
 * id of it with a positive mass if none does).
 *
 * <p>Untrusted at run time: probabilities not negative, not NaN, every row's sum within 1e-3 of 1;
 * uniforms in [0, 1); tokens in [0, V); kept ids in [0, V) and all different.
 */
public sealed interface Verify extends Operation {
  /** Probabilities of all ids, F32, one row for each place that may emit. */
  Tensor target();

  /** Drafted tokens, I32. */
  Tensor tokens();

  /** Result: the tokens that become text, I32; -1 behind the last. */
  Tensor emitted();

  /** Result [B], I32. */
  Tensor accepted();

  /** Batch rows B. */
  default int rows() {
    return (int) target().size(0);
  }

  /** Ids of the vocabulary V. */
  default int vocabulary() {
    return (int) target().size(target().rank() - 1);
  }

  /** Drafted tokens of a row: g, T or n. */
  default int drafted() {
    return (int) tokens().size(1);
  }

  @Override
  default Place place() {
    return target().place();
  }

  /** What verifies against a sampled draft: the sparse side. */
  sealed interface Sampled extends Verify {
    /** Probabilities of the kept ids, F32. */
    Tensor draft();

    /** The kept ids [k], I32. */
    Tensor ids();

    /** Uniforms of acceptance, F32, of the shape of {@link #tokens}. */
    Tensor acceptU();
  }

  /**
   * A chain of sampled drafts: each is accepted with probability min(1, p/q); the first that is
   * not, is replaced by a draw from max(p - q, 0) over all V ids (from p where that is 0
   * everywhere), and where all are accepted one more token is drawn from the last row. Leviathan et
   * al. 2023 and Chen et al. 2023. Without drafts (g = 0) this draws from a row.
   *
   * <p>Untrusted besides: a drafted token has q &gt; 0.
   *
   * @param target [B,g+1,V]
   * @param draft [B,g,k]
   * @param ids [k]
   * @param tokens [B,g]
   * @param acceptU [B,g]
   * @param sampleU uniform of the one draw [B], F32
   * @param emitted result [B,g+1]: accepted tokens, then the drawn one
   * @param accepted result: how many drafts were accepted
   */
  record Chain(
      Tensor target,
      Tensor draft,
      Tensor ids,
      Tensor tokens,
      Tensor acceptU,
      Tensor sampleU,
      Tensor emitted,
      Tensor accepted)
      implements Sampled {
    /** Checks everything that does not depend on the buffers' contents. */
    public Chain {
      targetAndTokens(target, 3, tokens, emitted, accepted);
      long rows = target.size(0);
      long drafted = tokens.size(1);
      Check.shape("target", target, rows, drafted + 1, target.size(2));
      Check.shape("emitted", emitted, rows, drafted + 1);
      kept(draft, ids, target.place());
      Check.shape("draft", draft, rows, drafted, ids.size(0));
      uniforms("acceptU", acceptU, target.place(), rows, drafted);
      uniforms("sampleU", sampleU, target.place(), rows);
      written(emitted, accepted, target, draft, ids, tokens, acceptU, sampleU);
    }
  }

  /**
   * A chain without chance: a draft is accepted while it is the highest of its row (ties: the lower
   * id), then the highest of the next row is emitted.
   *
   * @param target [B,g+1,V]
   * @param tokens [B,g]
   * @param emitted result [B,g+1]: accepted tokens, then the highest of the row behind them
   * @param accepted result: how many drafts were accepted
   */
  record Greedy(Tensor target, Tensor tokens, Tensor emitted, Tensor accepted) implements Verify {
    /** Checks everything that does not depend on the buffers' contents. */
    public Greedy {
      targetAndTokens(target, 3, tokens, emitted, accepted);
      Check.shape("target", target, target.size(0), tokens.size(1) + 1, target.size(2));
      Check.shape("emitted", emitted, target.size(0), tokens.size(1) + 1);
      written(emitted, accepted, target, tokens);
    }
  }

  /**
   * A tree that was drafted without chance: an id is drawn from the row of the node reached; a
   * child that holds it is descended to, otherwise it is emitted and that is all. The tree must not
   * depend on the uniforms.
   *
   * <p>Untrusted besides: a node's parent is an earlier node or -1, the root; siblings differ.
   *
   * @param target [B,T+1,V]: row 0 at the root, row i+1 behind node i
   * @param parents [B,T], I32
   * @param tokens [B,T]
   * @param sampleU [B,T+1], F32, one for each row of target
   * @param emitted result [B,T+1]: tokens of the path, then the drawn one
   * @param accepted result: how many nodes the path has
   */
  record Tree(
      Tensor target, Tensor parents, Tensor tokens, Tensor sampleU, Tensor emitted, Tensor accepted)
      implements Verify {
    /** Checks everything that does not depend on the buffers' contents. */
    public Tree {
      targetAndTokens(target, 3, tokens, emitted, accepted);
      long rows = target.size(0);
      long nodes = tokens.size(1);
      Check.shape("target", target, rows, nodes + 1, target.size(2));
      Check.shape("emitted", emitted, rows, nodes + 1);
      Check.indices("parents", parents, target.place());
      Check.shape("parents", parents, rows, nodes);
      uniforms("sampleU", sampleU, target.place(), rows, nodes + 1);
      written(emitted, accepted, target, parents, tokens, sampleU);
    }
  }

  /**
   * Siblings that were drawn one after the other from q without replacement, tried in that order.
   * Round i accepts with probability min(1, p_i/q_i); otherwise p becomes max(p - q, 0) divided by
   * its sum (stays as it is where that is 0), and q loses the sibling and is divided by its sum.
   * Where q has nothing left or no sibling is left, a token is drawn from p. Miao et al. 2024
   * (SpecInfer), multi-step speculative sampling.
   *
   * <p>Untrusted besides: siblings differ and have q &gt; 0.
   *
   * @param target [B,V]
   * @param draft [B,k]
   * @param ids [k]
   * @param tokens [B,n]
   * @param acceptU [B,n]
   * @param sampleU uniform of the draw [B], F32
   * @param emitted result [B,1]
   * @param accepted result: which sibling was accepted, -1 for none
   */
  record MultiRound(
      Tensor target,
      Tensor draft,
      Tensor ids,
      Tensor tokens,
      Tensor acceptU,
      Tensor sampleU,
      Tensor emitted,
      Tensor accepted)
      implements Sampled {
    /** Checks everything that does not depend on the buffers' contents. */
    public MultiRound {
      targetAndTokens(target, 2, tokens, emitted, accepted);
      long rows = target.size(0);
      Check.shape("emitted", emitted, rows, 1);
      kept(draft, ids, target.place());
      Check.shape("draft", draft, rows, ids.size(0));
      uniforms("acceptU", acceptU, target.place(), rows, tokens.size(1));
      uniforms("sampleU", sampleU, target.place(), rows);
      written(emitted, accepted, target, draft, ids, tokens, acceptU, sampleU);
    }
  }

  private static void targetAndTokens(
      Tensor target, int rank, Tensor tokens, Tensor emitted, Tensor accepted) {
    Place place = target.place();
    require(target.rank() == rank, "target", target, rank + " dimensions, rows first, ids last");
    probabilities("target", target, place);
    long rows = target.size(0);
    Check.indices("tokens", tokens, place);
    require(
        tokens.rank() == 2 && tokens.size(0) == rows && tokens.size(1) < Integer.MAX_VALUE,
        "tokens",
        tokens,
        "shape [" + rows + ", drafted]");
    Check.indices("emitted", emitted, place);
    Check.indices("accepted", accepted, place);
    Check.shape("accepted", accepted, rows);
    require(
        rows <= Integer.MAX_VALUE / Math.max(tokens.size(1), 1),
        "tokens",
        tokens,
        "fewer than 2^31 drafted tokens");
  }

  private static void kept(Tensor draft, Tensor ids, Place place) {
    probabilities("draft", draft, place);
    Check.indices("ids", ids, place);
    require(ids.rank() == 1, "ids", ids, "1 dimension [kept ids]");
  }

  private static void probabilities(String name, Tensor tensor, Place place) {
    Check.result(name, tensor, place);
    long ids = tensor.size(tensor.rank() - 1);
    require(ids <= Integer.MAX_VALUE, name, tensor, "fewer than 2^31 ids");
  }

  private static void uniforms(String name, Tensor tensor, Place place, long... shape) {
    require(tensor.dtype() == DType.F32, name, tensor, "dtype F32");
    Check.shape(name, tensor, shape);
    Check.place(name, tensor, place);
  }

  private static void written(Tensor emitted, Tensor accepted, Tensor... read) {
    Check.written("emitted", emitted, read);
    Check.written("accepted", accepted, read);
    Check.written("accepted", accepted, emitted);
  }
}
