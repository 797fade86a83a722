package io.github.trimtab.engine.var;

import io.github.trimtab.io.Safetensors;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

/** Named weights of a safetensors file, read as F32. */
final class Checkpoint implements AutoCloseable {

  private final Safetensors file;

  Checkpoint(Path path) throws IOException {
    file = Safetensors.open(path);
  }

  /**
   * The values of a tensor, row by row.
   *
   * @throws IllegalArgumentException naming file and tensor, if it is missing or has another shape
   *     or no floating-point format
   */
  float[] values(String name, int... shape) {
    Tensor tensor = file.tensor(name);
    long[] expected = Arrays.stream(shape).asLongStream().toArray();
    if (!tensor.dtype().isFloat() || !Arrays.equals(tensor.shape(), expected)) {
      throw new IllegalArgumentException(
          file.file()
              + ": tensor "
              + name
              + ": "
              + tensor
              + ", expected floats of shape "
              + Arrays.toString(shape));
    }
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
