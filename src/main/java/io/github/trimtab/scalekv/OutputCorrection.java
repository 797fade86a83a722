package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * What the outputs of heads lack since their caches forgot, as far as it can be told without what
 * was forgotten: for each head and scale a constant, or an affine function of the query and of what
 * it still finds, of low rank; added to the outputs.
 *
 * <p>A head's output is a mean of values. Without some of its history it is off by much the same
 * vector everywhere, and by what such queries mostly find there. A calibration measures both once,
 * from outputs over the whole history and over what a policy keeps of it, so that they belong to
 * the budgets that they were measured with. They correct the model, not a picture: one copy serves
 * all rows of a batch. Biases are corrected in this way where weights are quantised (arXiv
 * 1906.04721); here tokens are forgotten.
 *
 * <p>Immutable.
 */
public final class OutputCorrection {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final int firstScale;
  private final int scales;
  private final int kinds;
  private final int layers;
  private final int heads;
  private final int headDim;
  private final int rank;
  private final float[] biases;
  private final float[] down;
  private final float[] up;

  /**
   * Copies what was measured.
   *
   * @param firstScale the first scale that is corrected, from 0; all later ones are too
   * @param kinds of rows that have their own biases: 2 with guidance, where a row with the class is
   *     followed by one without
   * @param heads query heads
   * @param biases [scale][kind][layer][head][head_dim], row by row
   * @param down [scale][layer][head][head_dim of the query, then of the output][rank], row by row;
   *     empty where outputs are corrected by the biases alone
   * @param up [scale][layer][head][rank][head_dim], row by row: queries and outputs times down
   *     times up are added to outputs
   */
  public OutputCorrection(
      int firstScale,
      int kinds,
      int layers,
      int heads,
      int headDim,
      float[] biases,
      float[] down,
      float[] up) {
    require(firstScale >= 0, "firstScale", firstScale, "0 or more");
    require(kinds >= 1, "kinds", kinds, "1 or more");
    require(layers >= 1, "layers", layers, "1 or more");
    require(heads >= 1, "heads", heads, "1 or more");
    require(headDim >= 1, "headDim", headDim, "1 or more");
    long scale = kinds;
    for (int size : new int[] {layers, heads, headDim}) {
      scale *= size; // of two numbers below 2^31
      require(
          scale <= Integer.MAX_VALUE,
          "kinds, layers, heads, headDim",
          kinds + ", " + layers + ", " + heads + ", " + headDim,
          "a product below 2^31");
    }
    require(biases.length % scale == 0, "biases", biases.length, "a multiple of " + scale);
    this.firstScale = firstScale;
    this.scales = (int) (biases.length / scale);
    long vectors = (long) scales * layers * heads * headDim;
    require(
        up.length == 0 || (vectors > 0 && up.length % vectors == 0),
        "up",
        up.length,
        "a multiple of " + vectors);
    require(down.length == 2L * up.length, "down", down.length, "twice the size of up");
    this.kinds = kinds;
    this.layers = layers;
    this.heads = heads;
    this.headDim = headDim;
    this.rank = up.length == 0 ? 0 : (int) (up.length / vectors);
    this.biases = finite("biases", biases);
    this.down = finite("down", down);
    this.up = finite("up", up);
  }

  private static float[] finite(String name, float[] values) {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        require(false, name + "[" + i + "]", values[i], "finite numbers");
      }
    }
    return values.clone();
  }

  /** The first scale that is corrected, from 0. */
  public int firstScale() {
    return firstScale;
  }

  /** The shape of the biases: corrected scales, kinds of rows, layers, heads, head_dim. */
  public int[] shape() {
    return new int[] {scales, kinds, layers, heads, headDim};
  }

  /** The rank of the functions of query and output; 0 where biases alone correct. */
  public int rank() {
    return rank;
  }

  /** All biases, in the order of the shape. */
  public float[] biases() {
    return biases.clone();
  }

  /** From query and output, [scale][layer][head][2 head_dim][rank]. */
  public float[] down() {
    return down.clone();
  }

  /** To what is added to the output, [scale][layer][head][rank][head_dim]. */
  public float[] up() {
    return up.clone();
  }

  /** Bytes that it holds, for any number of rows. */
  public long byteSize() {
    return (long) Float.BYTES * (biases.length + down.length + up.length);
  }

  /**
   * The same, but with another's correction of one head.
   *
   * @param head layer x heads + head
   * @param other of the same scales, shape and rank
   */
  public OutputCorrection with(int head, OutputCorrection other) {
    require(head >= 0 && head < layers * heads, "head", head, "0.." + (layers * heads - 1));
    require(
        other.firstScale == firstScale
            && Arrays.equals(other.shape(), shape())
            && other.rank == rank,
        "other",
        other,
        "scales, shape and rank of " + this);
    return new OutputCorrection(
        firstScale,
        kinds,
        layers,
        heads,
        headDim,
        mixed(head, headDim, biases, other.biases),
        mixed(head, 2 * headDim * rank, down, other.down),
        mixed(head, rank * headDim, up, other.up));
  }

  private float[] mixed(int head, int length, float[] own, float[] others) {
    float[] mixed = own.clone();
    for (int at = head * length; at < mixed.length; at += layers * heads * length) {
      System.arraycopy(others, at, mixed, at, length);
    }
    return mixed;
  }

  /**
   * Corrects what attention gave at a scale; leaves it before the first scale.
   *
   * @param layer from 0
   * @param scale from 0
   * @param q the queries, like {@code out}
   * @param out F32 on the host, [rows, heads, tokens, head_dim] with a last stride of 1; row r is
   *     of kind r modulo the kinds
   */
  public void add(int layer, int scale, Tensor q, Tensor out) {
    require(layer >= 0 && layer < layers, "layer", layer, "0.." + (layers - 1));
    require(
        scale >= 0 && scale < firstScale + scales,
        "scale",
        scale,
        "0.." + (firstScale + scales - 1));
    check("out", out);
    check("q", q);
    require(Arrays.equals(q.shape(), out.shape()), "q", q, "shape " + Arrays.toString(out.shape()));
    if (scale < firstScale) {
      return;
    }
    for (int row = 0; row < out.size(0); row++) {
      for (int head = 0; head < heads; head++) {
        int list = ((scale - firstScale) * layers + layer) * heads + head;
        int kind = ((scale - firstScale) * kinds + row % kinds) * layers + layer;
        add(q, out, row, head, list, (kind * heads + head) * headDim);
      }
    }
  }

  /**
   * Corrects a head of a row.
   *
   * @param list the head among those of all scales and layers
   * @param bias where its bias begins
   */
  private void add(Tensor q, Tensor out, int row, int head, int list, int bias) {
    float[] given = new float[2 * headDim];
    float[] inner = new float[rank];
    float[] sum = new float[headDim];
    MemorySegment queries = q.segment();
    MemorySegment outputs = out.segment();
    for (int token = 0; token < out.size(2); token++) {
      long at = out.offset(row, head, token);
      MemorySegment.copy(queries, FLOAT, q.offset(row, head, token), given, 0, headDim);
      MemorySegment.copy(outputs, FLOAT, at, given, headDim, headDim);
      System.arraycopy(biases, bias, sum, 0, headDim);
      if (rank > 0) {
        Arrays.fill(inner, 0);
        for (int i = 0; i < given.length; i++) {
          addScaled(given[i], down, (list * given.length + i) * rank, inner);
        }
        for (int i = 0; i < rank; i++) {
          addScaled(inner[i], up, (list * rank + i) * headDim, sum);
        }
      }
      for (int i = 0; i < headDim; i++) {
        sum[i] += given[headDim + i];
      }
      MemorySegment.copy(sum, 0, outputs, FLOAT, at, headDim);
    }
  }

  private static void addScaled(float factor, float[] values, int from, float[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += factor * values[from + i];
    }
  }

  private void check(String name, Tensor tensor) {
    require(
        tensor.dtype() == DType.F32
            && tensor.place().isHost()
            && tensor.rank() == 4
            && tensor.size(1) == heads
            && tensor.size(3) == headDim
            && tensor.stride(3) == 1,
        name,
        tensor,
        "F32 on the host of shape [rows, %d, tokens, %d]".formatted(heads, headDim));
  }

  @Override
  public String toString() {
    return "OutputCorrection[from scale %d, %s, rank %d]"
        .formatted(firstScale, Arrays.toString(shape()), rank);
  }
}
