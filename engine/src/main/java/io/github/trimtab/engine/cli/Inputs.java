package io.github.trimtab.engine.cli;

import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.TensorInfo;
import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * An operation's input tensors and the sizes that they agree on.
 *
 * <p>Dimensions go by the letters of the operation's description: the first tensor with a letter
 * sets its size, later ones must have the same. Tensors that nobody asks for are ignored.
 */
final class Inputs implements AutoCloseable {
  private final Safetensors file;
  private final Map<String, Long> sizes = new HashMap<>();

  Inputs(Path path) throws IOException {
    file = Safetensors.open(path);
  }

  /** Whether the file has a tensor of this name. */
  boolean has(String name) {
    return file.contains(name);
  }

  /** The size of a letter that a tensor has set. */
  int size(String letter) {
    return Math.toIntExact(sizes.getOrDefault(letter, 0L));
  }

  /** The sum of two letters' sizes. */
  int sum(String letter, String other) {
    long sum = (long) size(letter) + size(other);
    if (sum > Integer.MAX_VALUE) {
      throw new BadInputException(
          file.file() + ": " + letter + " + " + other, sum, "fewer than 2^31");
    }
    return (int) sum;
  }

  /** A tensor of F32, F16 or BF16 as it lies in the file, with these dimensions. */
  Tensor floats(String name, String... dims) {
    require(name, dims);
    Tensor tensor = file.tensor(name);
    if (!tensor.dtype().isFloat()) {
      throw bad(name, file.info(name).format(), "dtype F32, F16 or BF16");
    }
    bind(name, dims);
    return tensor;
  }

  /** The same, or null if the file has none. */
  @Nullable Tensor optionalFloats(String name, String... dims) {
    return has(name) ? floats(name, dims) : null;
  }

  /** A tensor of F32 as it lies in the file, with these dimensions. */
  Tensor f32(String name, String... dims) {
    Tensor tensor = floats(name, dims);
    if (tensor.dtype() != DType.F32) {
      throw bad(name, file.info(name).format(), "dtype F32");
    }
    return tensor;
  }

  /** A tensor of I32 or I64 with these dimensions, as I32. */
  Tensor integers(String name, String... dims) {
    require(name, dims);
    Tensor tensor = integers(name);
    bind(name, dims);
    Tensor narrow = Tensors.zeros(DType.I32, tensor.shape());
    for (long i = 0; i < narrow.elements(); i++) {
      long value = tensor.integerAt(tensor.offset() + i * tensor.dtype().bits() / 8);
      if (value != (int) value) {
        throw bad(name + ", element " + i, value, "an integer of 32 bits");
      }
      narrow.setIntegerAt(i * Integer.BYTES, value);
    }
    return narrow;
  }

  /**
   * An operation's complaint about one of its arguments, as one about this file's tensor.
   *
   * @param names of tensors where they differ from the argument's
   */
  String named(IllegalArgumentException complaint, Map<String, String> names) {
    String message = Objects.toString(complaint.getMessage()).replaceFirst("^[A-Z]\\w*: ", "");
    String argument = message.split("\\W", 2)[0];
    return file.file()
        + ": tensor "
        + names.getOrDefault(argument, argument)
        + message.substring(argument.length());
  }

  /** Checks that head counts and the head dim, letters H, G and D, are ones that kernels take. */
  void checkHeads() {
    if (size("G") < 1 || size("H") < 1 || size("H") % size("G") != 0) {
      throw bad("q", shape("q"), "a multiple of the " + size("G") + " key/value heads, 1 or more");
    }
    if (size("D") < 8 || size("D") > 256 || size("D") % 8 != 0) {
      throw bad("q", shape("q"), "a head dim that is a multiple of 8 from 8 to 256");
    }
  }

  /** Checks that a tensor's letter is not too small. */
  void checkAtLeast(String name, String letter, int least) {
    if (size(letter) < least) {
      throw bad(name, shape(name), "at least " + least + " for " + letter);
    }
  }

  /** Checks that two tensors have one dtype. */
  void checkAlike(String name, String other) {
    if (!file.info(name).format().equals(file.info(other).format())) {
      throw bad(name, file.info(name).format(), other + "'s dtype, " + file.info(other).format());
    }
  }

  /** Lengths [R] from 0 to {@code most}; all are {@code most} without the tensor. */
  int[] lengths(String name, int most) {
    int[] lengths = new int[size("R")];
    Arrays.fill(lengths, most);
    if (has(name)) {
      Tensor tensor = integers(name);
      bind(name, "R");
      for (int row = 0; row < lengths.length; row++) {
        lengths[row] = inRange(name, tensor.integerAt(tensor.offset(row)), 0, most, row);
      }
    }
    return lengths;
  }

  /**
   * Positions [P], the same for every row, or [R,P], where -1 means none; none without the tensor.
   *
   * @param end positions lie below it; those of a row differ
   */
  int[][] positions(String name, int end) {
    if (!has(name)) {
      return new int[size("R")][0];
    }
    int[] all = new int[size("R")];
    Arrays.fill(all, Integer.MAX_VALUE);
    int[][] positions = rows(name, "P", all, false, i -> end - 1);
    for (int row = 0; row < positions.length; row++) {
      int[] sorted = positions[row].clone();
      Arrays.sort(sorted);
      for (int i = 1; i < sorted.length; i++) {
        if (sorted[i] >= 0 && sorted[i] == sorted[i - 1]) {
          throw bad(name + " of row " + row, sorted[i] + " twice", "positions that differ");
        }
      }
    }
    return positions;
  }

  /** Ids [dim] of I32 or I64, each in [0, end) and all different, as I32. */
  Tensor ids(String name, String dim, int end) {
    require(name, dim);
    Tensor tensor = integers(name);
    bind(name, dim);
    Tensor ids = Tensors.zeros(DType.I32, tensor.size(0));
    BitSet seen = new BitSet();
    for (int i = 0; i < ids.size(0); i++) {
      int id = inRange(name, tensor.integerAt(tensor.offset(i)), 0, end - 1, i);
      if (seen.get(id)) {
        throw bad(name + "[" + i + "]", id + " a second time", "ids that differ");
      }
      seen.set(id);
      ids.setIntegerAt(ids.offset(i), id);
    }
    return ids;
  }

  /** Checks counts of hidden vectors, elements and ids, letters N, d and k. */
  void checkHead(int leastIds) {
    if (size("N") < 1 || size("N") > Head.MOST_VECTORS) {
      throw bad("hidden", shape("hidden"), "1 to " + Head.MOST_VECTORS + " vectors");
    }
    if (size("d") < 1 || size("d") > WeightRows.MOST_COLUMNS) {
      throw bad("weight", shape("weight"), "1 to " + WeightRows.MOST_COLUMNS + " elements a row");
    }
    if (size("k") < leastIds) {
      throw bad("ids", shape("ids"), leastIds + " ids or more");
    }
  }

  /**
   * Parents [dim] or [R,dim] of new tokens, each from -1 (root) to below its child.
   *
   * @param lengths valid tokens of each row: what lies beyond is padding and read as -1
   */
  int[][] parents(String name, String dim, int[] lengths) {
    require(name, dim);
    return rows(name, dim, lengths, true, child -> child - 1);
  }

  private int[][] rows(
      String name, String dim, int[] lengths, boolean noneAllowed, IntUnaryOperator most) {
    Tensor tensor = integers(name);
    boolean shared = tensor.rank() == 1;
    if (shared) {
      bind(name, dim);
    } else {
      bind(name, "R", dim);
    }
    int least = noneAllowed || !shared ? -1 : 0;
    int[][] rows = new int[size("R")][size(dim)];
    for (int row = 0; row < rows.length; row++) {
      Arrays.fill(rows[row], -1);
      for (int i = 0; i < Math.min(lengths[row], rows[row].length); i++) {
        long value = tensor.integerAt(shared ? tensor.offset(i) : tensor.offset(row, i));
        rows[row][i] = inRange(name, value, least, most.applyAsInt(i), row, i);
      }
    }
    return rows;
  }

  private Tensor integers(String name) {
    Tensor tensor = file.tensor(name);
    if (!tensor.dtype().isInteger()) {
      throw bad(name, file.info(name).format(), "dtype I32 or I64");
    }
    return tensor;
  }

  private int inRange(String name, long value, int least, int most, int... place) {
    if (value < least || value > most) {
      throw bad(
          name + Arrays.toString(place),
          value,
          most < least ? "no element, since none is in range" : least + " to " + most);
    }
    return (int) value;
  }

  private void require(String name, String... dims) {
    if (!has(name)) {
      throw bad(name, "missing", "shape " + Arrays.toString(dims));
    }
  }

  private void bind(String name, String... dims) {
    TensorInfo info = file.info(name);
    boolean fits = info.shape().size() == dims.length;
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < dims.length; i++) {
      Long known = sizes.get(dims[i]);
      expected.add(known == null ? dims[i] : dims[i] + "=" + known);
      fits = fits && (known == null || known.equals(info.shape().get(i)));
    }
    if (!fits) {
      throw bad(name, shape(name), "shape " + expected);
    }
    for (int i = 0; i < dims.length; i++) {
      long size = info.shape().get(i);
      if (size > Integer.MAX_VALUE) {
        throw bad(name, shape(name), "sizes below 2^31");
      }
      sizes.put(dims[i], size);
    }
  }

  private String shape(String name) {
    return "shape " + file.info(name).shape();
  }

  private BadInputException bad(String name, Object value, String expected) {
    return new BadInputException(file.file() + ": tensor " + name, value, expected);
  }

  /** An error about this file's tensor for checks that an operation makes itself. */
  BadInputException bad(String name, int row, int place, long value, String expected) {
    return bad(name + "[" + row + ", " + place + "]", value, expected);
  }

  @Override
  public void close() {
    file.close();
  }
}
