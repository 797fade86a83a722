package io.github.trimtab.scalekv;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/**
 * What the outputs of heads lack on average since their caches forgot, by scale; added to the
 * outputs, it makes up for that part of the loss which all queries of all pictures share.
 *
 * <p>A head's output is a mean of values. Without some of its history it is off by much the same
 * vector everywhere, which a calibration measures once: the mean difference between the output over
 * the whole history and the output over what a policy keeps of it. It belongs to the budgets that
 * it was measured with, and takes head_dim floats for each scale, kind of row and head: it corrects
 * the model, not a picture, so that one copy serves all rows of a batch. Biases are corrected in
 * this way where weights are quantised (arXiv 1906.04721); here tokens are forgotten.
 *
 * <p>Immutable.
 */
public final class OutputBias {
  private final int firstScale;
  private final int scales;
  private final int kinds;
  private final int layers;
  private final int heads;
  private final int headDim;
  private final float[] values;

  /**
   * Copies what was measured.
   *
   * @param firstScale the first scale that has biases, from 0; all later ones have too
   * @param kinds of rows that have their own: 2 with guidance, where a row with the class is
   *     followed by one without
   * @param heads query heads
   * @param values [scale][kind][layer][head][head_dim], row by row
   */
  public OutputBias(int firstScale, int kinds, int layers, int heads, int headDim, float[] values) {
    require(firstScale >= 0, "firstScale", firstScale, "0 or more");
    require(kinds >= 1, "kinds", kinds, "1 or more");
    require(layers >= 1, "layers", layers, "1 or more");
    require(heads >= 1, "heads", heads, "1 or more");
    require(headDim >= 1, "headDim", headDim, "1 or more");
    long scale = (long) kinds * layers * heads * headDim;
    require(values.length % scale == 0, "values", values.length, "a multiple of " + scale);
    for (int i = 0; i < values.length; i++) {
      require(Float.isFinite(values[i]), "values[" + i + "]", values[i], "finite numbers");
    }
    this.firstScale = firstScale;
    this.scales = (int) (values.length / scale);
    this.kinds = kinds;
    this.layers = layers;
    this.heads = heads;
    this.headDim = headDim;
    this.values = values.clone();
  }

  /** The first scale that has biases, from 0. */
  public int firstScale() {
    return firstScale;
  }

  /** Its shape: scales that have biases, kinds of rows, layers, heads, head_dim. */
  public int[] shape() {
    return new int[] {scales, kinds, layers, heads, headDim};
  }

  /** All biases, in the order of the shape. */
  public float[] values() {
    return values.clone();
  }

  /**
   * The same, but with another's biases of one head.
   *
   * @param head layer x heads + head
   * @param other of the same scales and shape
   */
  public OutputBias with(int head, OutputBias other) {
    require(head >= 0 && head < layers * heads, "head", head, "0.." + (layers * heads - 1));
    require(
        other.firstScale == firstScale && Arrays.equals(other.shape(), shape()),
        "other",
        other,
        "scales and shape of " + this);
    float[] mixed = values();
    for (int at = head * headDim; at < mixed.length; at += layers * heads * headDim) {
      System.arraycopy(other.values, at, mixed, at, headDim);
    }
    return new OutputBias(firstScale, kinds, layers, heads, headDim, mixed);
  }

  /**
   * Adds the biases of a scale to what attention gave; nothing before the first scale.
   *
   * @param layer from 0
   * @param scale from 0
   * @param out F32 on the host, [rows, heads, tokens, head_dim] with a last stride of 1; row r is
   *     of kind r modulo the kinds
   */
  public void add(int layer, int scale, Tensor out) {
    require(layer >= 0 && layer < layers, "layer", layer, "0.." + (layers - 1));
    require(
        scale >= 0 && scale < firstScale + scales,
        "scale",
        scale,
        "0.." + (firstScale + scales - 1));
    require(
        out.dtype() == DType.F32
            && out.place().isHost()
            && out.rank() == 4
            && out.size(1) == heads
            && out.size(3) == headDim
            && out.stride(3) == 1,
        "out",
        out,
        "F32 on the host of shape [rows, %d, tokens, %d]".formatted(heads, headDim));
    if (scale < firstScale) {
      return;
    }
    for (int row = 0; row < out.size(0); row++) {
      int list = ((scale - firstScale) * kinds + row % kinds) * layers + layer;
      for (int head = 0; head < heads; head++) {
        int from = (list * heads + head) * headDim;
        for (int token = 0; token < out.size(2); token++) {
          long at = out.offset(row, head, token);
          for (int i = 0; i < headDim; i++, at += Float.BYTES) {
            out.setFloatAt(at, out.floatAt(at) + values[from + i]);
          }
        }
      }
    }
  }

  private static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(name + ": " + value + ", expected " + expected);
    }
  }

  @Override
  public String toString() {
    return "OutputBias[from scale " + firstScale + ", " + Arrays.toString(shape()) + "]";
  }
}
