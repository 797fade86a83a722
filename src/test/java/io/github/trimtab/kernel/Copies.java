package io.github.trimtab.kernel;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The same operation over the same inputs, with results of its own. */
final class Copies {
  private Copies() {}

  static Buffer of(Buffer buffer) {
    MemorySegment copy = Arena.ofAuto().allocate(buffer.byteSize(), 4);
    return Buffer.wrap(copy.copyFrom(buffer.segment()));
  }

  /** A copy of a contiguous tensor that begins where its buffer does. */
  static Tensor of(Tensor tensor) {
    return Tensor.of(tensor.dtype(), of(tensor.buffer()), tensor.shape());
  }

  static PagedKv of(PagedKv kv) {
    return new PagedKv(kv.layout(), of(kv.slab()), kv.pages(), kv.table(), of(kv.lengths()));
  }

  static Append of(Append op) {
    return new Append(op.fresh(), of(op.target()));
  }

  static Score of(Score op) {
    return new Score(
        op.q(),
        op.queryRows(),
        op.history(),
        op.fresh(),
        op.window(),
        op.scoring(),
        of(op.scores()));
  }

  static Select of(Select op) {
    return new Select(op.scores(), op.lengths(), op.window(), op.capacity(), of(op.indices()));
  }

  static Compact of(Compact op) {
    return new Compact(op.history(), op.fresh(), op.indices(), of(op.target()));
  }

  static Evict of(Evict op) {
    return new Evict(of(op.score()), op.capacity(), of(op.indices()), of(op.target()));
  }
}
