package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Forgets: scores history and new tokens, selects per head, and writes only survivors into fresh
 * pages. Canonical.
 *
 * <p>Equal to {@link Score}, {@link Select} and {@link Compact} in a row over the same buffers. The
 * source pages are read only: releasing them is the caller's next step. A row with no more tokens
 * than its capacity keeps them all.
 *
 * <p>Untrusted at run time: what those three operations name.
 *
 * @param score what is scored and how; its new tokens carry values
 * @param capacity tokens that stay, window included, [R,L] I32 with L the target's lists a row
 * @param indices chosen tokens [R,G,C], I32, ascending, -1 behind them
 * @param target fresh pages; its table is read, its lengths are written
 */
public record Evict(Score score, Tensor capacity, Tensor indices, PagedKv target)
    implements Operation {
  /** Checks everything that does not depend on the buffers' contents. */
  public Evict {
    Compact.survivors(score.history(), score.fresh(), indices, target);
    Select.capacity(capacity, target.rows(), target.lists(), target.place());
    require(
        capacity.size(1) == target.lists(),
        "capacity",
        capacity,
        target.lists() + " lists a row as the target has");
    Check.place("score", score.q(), target.place());
    Check.written(
        "indices", indices, score.q(), score.queryRows(), score.window(), score.scores(), capacity);
    Check.written("indices", indices, score.history(), score.fresh());
    Check.written("indices", indices, target, null);
    Check.written("score.scores", score.scores(), capacity);
    Check.written("score.scores", score.scores(), target, null);
    apart("score.q", score.q(), target);
    apart("score.queryRows", score.queryRows(), target);
    apart("score.window", score.window(), target);
    apart("capacity", capacity, target);
  }

  private static void apart(String name, @Nullable Tensor read, PagedKv target) {
    if (read != null) {
      require(!target.overlaps(read), name, read, "memory apart from the target");
    }
  }

  @Override
  public Place place() {
    return target.place();
  }
}
