package io.github.trimtab.io;

import io.github.trimtab.memory.DType;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a safetensors header says about a tensor.
 *
 * @param name its name, unique in the file
 * @param format its dtype as the file spells it: F32, BF16, U8 and so on
 * @param shape sizes, 0 or more each; empty for a scalar
 * @param offset of the first byte from the start of the file's data
 * @param bytes size of the data, consistent with format and shape
 */
public record TensorInfo(String name, String format, List<Long> shape, long offset, long bytes) {
  private static final Map<String, DType> DTYPES =
      Map.of(
          "F32", DType.F32,
          "F16", DType.F16,
          "BF16", DType.BF16,
          "F8_E4M3", DType.FP8_E4M3,
          "I8", DType.INT8,
          "I32", DType.I32,
          "I64", DType.I64);

  /** Copies the sizes. */
  public TensorInfo {
    shape = List.copyOf(shape);
  }

  /** The element format of Trimtab that means the same, if there is one. */
  public Optional<DType> dtype() {
    return Optional.ofNullable(DTYPES.get(format));
  }

  /** The file's spelling of an element format, if it has one. */
  static Optional<String> format(DType dtype) {
    return DTYPES.entrySet().stream()
        .filter(entry -> entry.getValue() == dtype)
        .map(Map.Entry::getKey)
        .findFirst();
  }
}
