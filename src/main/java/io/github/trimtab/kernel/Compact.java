package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Copies chosen tokens of history and new tokens into fresh pages and sets those lists' lengths.
 * Exact.
 *
 * <p>Tokens of a row are numbered through: history first, then the valid new tokens. Codes and
 * scales of history move as they are when source and target pages have one dtype; otherwise, and
 * for new tokens, values are rounded as {@link Append} rounds.
 *
 * <p>Untrusted at run time: lengths, page ids (the target's all different, and none of them holds a
 * chosen token), indices in [0, row's tokens), then only -1; heads that share a list keep equally
 * many.
 *
 * @param history paged source, or null
 * @param fresh new tokens with values, or null
 * @param indices tokens to copy [R,G,C], I32; -1 behind the last
 * @param target fresh pages; its table is read, its lengths are written
 */
public record Compact(
    @Nullable PagedKv history, @Nullable NewTokens fresh, Tensor indices, PagedKv target)
    implements Operation {
  /** Checks everything that does not depend on the buffers' contents. */
  public Compact {
    Check.sources(history, fresh);
    survivors(history, fresh, indices, target);
    Check.written("target.lengths", target.lengths(), indices);
    require(!target.overlaps(indices), "indices", indices, "memory apart from the target");
  }

  /** What every operation that writes survivors into fresh pages requires. */
  static void survivors(
      @Nullable PagedKv history, @Nullable NewTokens fresh, Tensor indices, PagedKv target) {
    Check.target(target, history);
    if (fresh != null) {
      Check.alike("fresh", fresh, "target", target);
      Check.written("target", target, fresh);
    }
    Select.indices(indices, target.rows(), target.heads(), target.place());
  }

  @Override
  public Place place() {
    return target.place();
  }
}
