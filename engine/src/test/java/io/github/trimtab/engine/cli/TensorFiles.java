package io.github.trimtab.engine.cli;

import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** Builds input files and reads output files of {@code trimtab run}. */
final class TensorFiles {
  private final SplittableRandom random;
  private final Map<String, Tensor> tensors = new HashMap<>();

  TensorFiles(long seed) {
    random = new SplittableRandom(seed);
  }

  /** Adds numbers in [-1, 1). */
  TensorFiles random(String name, DType dtype, long... shape) {
    Tensor tensor = Tensors.zeros(dtype, shape);
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.setFloatAt(i * dtype.bits() / 8, (float) random.nextDouble(-1, 1));
    }
    return put(name, tensor);
  }

  /** Adds F32 elements. */
  TensorFiles floats(String name, float[] values, long... shape) {
    return put(name, Tensor.wrap(values, shape));
  }

  /** Adds I32 elements. */
  TensorFiles ints(String name, int[] values, long... shape) {
    return put(name, Tensor.wrap(values, shape));
  }

  /** Adds I64 elements. */
  TensorFiles longs(String name, int[] values, long... shape) {
    return put(name, Tensors.toI64(Tensor.wrap(values, shape)));
  }

  /** Adds a tensor. */
  TensorFiles put(String name, Tensor tensor) {
    tensors.put(name, tensor);
    return this;
  }

  /** The tensor of a name, as it is written. */
  Tensor get(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException(name);
    }
    return tensor;
  }

  Path write(Path file) {
    try {
      SafetensorsWriter.write(file, tensors, Map.of());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return file;
  }

  /** Elements of an F32, F16 or BF16 tensor of a file. */
  static double[] floats(Path file, String name) {
    try (Safetensors read = Safetensors.open(file)) {
      return doubles(read.tensor(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Elements of an I64 tensor of a file. */
  static long[] longs(Path file, String name) {
    try (Safetensors read = Safetensors.open(file)) {
      Tensor tensor = read.tensor(name);
      long[] values = new long[(int) tensor.elements()];
      for (int i = 0; i < values.length; i++) {
        values[i] = tensor.integerAt(8L * i);
      }
      return values;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Dtype and shape of a file's tensor, such as {@code F32[2, 3]}. */
  static String describe(Path file, String name) {
    try (Safetensors read = Safetensors.open(file)) {
      return read.info(name).format() + read.info(name).shape();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Elements of a contiguous tensor in row-major order. */
  static double[] doubles(Tensor tensor) {
    double[] values = new double[(int) tensor.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.floatAt(tensor.offset() + (long) i * tensor.dtype().bits() / 8);
    }
    return values;
  }
}
