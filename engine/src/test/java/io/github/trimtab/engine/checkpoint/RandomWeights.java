package io.github.trimtab.engine.checkpoint;

import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Named tensors of random numbers, as a file and as the doubles that the file holds. */
public final class RandomWeights {

  private final SplittableRandom random = new SplittableRandom(3);
  private final Map<String, Tensor> tensors = new HashMap<>();
  private final Map<String, double[]> read = new HashMap<>();
  private final DType dtype;

  public RandomWeights(DType dtype) {
    this.dtype = dtype;
  }

  public RandomWeights add(String name, double deviation, long... shape) {
    Tensor tensor = Tensor.allocate(dtype, shape);
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.setFloatAt(dtype.bytes(i), (float) (deviation * random.nextGaussian()));
    }
    tensors.put(name, tensor);
    return this;
  }

  /** A weight of a shape and a bias as long as its first dimension. */
  public RandomWeights linear(String name, long... shape) {
    long in = 1;
    for (int i = 1; i < shape.length; i++) {
      in *= shape[i];
    }
    return add(name + ".weight", 1 / Math.sqrt((double) in), shape)
        .add(name + ".bias", 0.3, shape[0]);
  }

  public RandomWeights put(String name, Tensor tensor) {
    tensors.put(name, tensor);
    return this;
  }

  public RandomWeights remove(String name) {
    if (tensors.remove(name) == null) {
      throw new IllegalArgumentException(name);
    }
    return this;
  }

  /** The values that the file will hold; not to be written to. */
  public double[] doubles(String name) {
    return read.computeIfAbsent(name, this::values);
  }

  private double[] values(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException(name);
    }
    double[] values = new double[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.floatAt(dtype.bytes(i));
    }
    return values;
  }

  public void write(Path file) throws IOException {
    SafetensorsWriter.write(file, tensors, Map.of());
  }
}
