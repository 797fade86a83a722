package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.PackedMatrix;

/** A linear layer as checkpoints hold it: W [out, in], row by row, and a bias [out]. */
final class Linear {

  private final float[] weight;
  private final float[] bias;

  Linear(float[] weight, float[] bias) {
    this.weight = weight;
    this.bias = bias;
  }

  /** Reads {@code name.weight} and {@code name.bias}. */
  static Linear read(Checkpoint checkpoint, String name, int out, int in) {
    return new Linear(
        checkpoint.values(name + ".weight", out, in), checkpoint.values(name + ".bias", out));
  }

  /** W; not to be written to. */
  float[] weight() {
    return weight;
  }

  /** The bias; not to be written to. */
  float[] bias() {
    return bias;
  }

  int out() {
    return bias.length;
  }

  int in() {
    return weight.length / bias.length;
  }

  /** The layer as the host multiplies with it. */
  PackedMatrix packed() {
    return new PackedMatrix(weight, bias);
  }
}
