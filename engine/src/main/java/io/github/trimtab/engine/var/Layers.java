package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.Convolution;
import io.github.trimtab.engine.math.GroupNorm;

/** Layers by the names of their tensors. */
final class Layers {

  private Layers() {}

  static Convolution convolution(Checkpoint checkpoint, String name, int out, int in, int size) {
    return new Convolution(
        checkpoint.values(name + ".weight", out, in, size, size),
        checkpoint.values(name + ".bias", out),
        size);
  }

  static GroupNorm norm(
      Checkpoint checkpoint, String name, VarConfig.Tokenizer shape, int channels) {
    return new GroupNorm(
        shape.normGroups(),
        shape.epsilon(),
        checkpoint.values(name + ".weight", channels),
        checkpoint.values(name + ".bias", channels));
  }
}
