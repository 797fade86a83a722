package io.github.trimtab.engine.checkpoint;

import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.TensorInfo;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;

/** Named weights of a safetensors file. */
public final class Checkpoint implements AutoCloseable {

  private final Safetensors file;

  /** Opens a file. */
  public Checkpoint(Path path) throws IOException {
    file = Safetensors.open(path);
  }

  /** The tensors' names, in the file's order. */
  public List<String> names() {
    return file.tensors().stream().map(TensorInfo::name).toList();
  }

  /** Whether there is a tensor of this name. */
  public boolean contains(String name) {
    return file.contains(name);
  }

  /**
   * The sizes of a tensor, from which a model's shape is read.
   *
   * @param expected what the shape must be, for the message
   * @throws IllegalArgumentException naming file and tensor, if it is missing or has another rank
   */
  public int[] shape(String name, int rank, String expected) {
    int[] shape =
        contains(name)
            ? file.info(name).shape().stream().mapToInt(Math::toIntExact).toArray()
            : new int[0];
    if (shape.length != rank || Arrays.stream(shape).anyMatch(size -> size < 1)) {
      String found = contains(name) ? "shape " + Arrays.toString(shape) : "missing";
      throw bad(name, found, expected);
    }
    return shape;
  }

  /** What to throw where a tensor is not as it must be. */
  public IllegalArgumentException bad(String name, Object found, String expected) {
    return new IllegalArgumentException(
        file.file() + ": tensor " + name + ": " + found + ", expected " + expected);
  }

  /**
   * A tensor as it lies in the file, until this closes.
   *
   * @throws IllegalArgumentException naming file and tensor, if it is missing
   */
  public Tensor tensor(String name) {
    return file.tensor(name);
  }

  /**
   * A tensor as it lies in the file, until this closes.
   *
   * @param expected what its format must be, for the message
   * @throws IllegalArgumentException naming file and tensor, if it is missing or has another shape
   *     or format
   */
  public Tensor tensor(String name, Predicate<DType> format, String expected, int... shape) {
    Tensor tensor = file.tensor(name);
    long[] sizes = Arrays.stream(shape).asLongStream().toArray();
    if (!format.test(tensor.dtype()) || !Arrays.equals(tensor.shape(), sizes)) {
      throw bad(name, tensor, expected + " of shape " + Arrays.toString(shape));
    }
    return tensor;
  }

  /**
   * The values of a tensor, row by row.
   *
   * @throws IllegalArgumentException naming file and tensor, if it is missing or has another shape
   *     or no floating-point format
   */
  public float[] values(String name, int... shape) {
    Tensor tensor = tensor(name, DType::isFloat, "floats", shape);
    float[] values = new float[Math.toIntExact(tensor.elements())];
    long bytes = tensor.dtype().bytes(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.floatAt(tensor.offset() + i * bytes);
    }
    return values;
  }

  @Override
  public void close() {
    file.close();
  }
}
