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
      throw new IllegalArgumentException(
          file.file()
              + ": tensor "
              + name
              + ": "
              + tensor
              + ", expected "
              + expected
              + " of shape "
              + Arrays.toString(shape));
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
