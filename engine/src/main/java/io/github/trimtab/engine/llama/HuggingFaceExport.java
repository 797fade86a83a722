package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.io.WholeFile;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a model whose matrices are codes with scales as plain floats, in the layout that programs
 * which read Hugging Face's models expect.
 */
public final class HuggingFaceExport {

  private static final String WEIGHTS = "model.safetensors";

  private static final List<String> BESIDE_MODEL = List.of("config.json", "generation_config.json");

  private static final List<String> TOKENIZER = List.of("tokenizer.json", "tokenizer_config.json");

  private HuggingFaceExport() {}

  /**
   * Writes a model.
   *
   * @param model holds {@code config.json} and {@code model.safetensors}; the tokenizer's files lie
   *     there or in the folder above
   * @param format F32, which holds code x scale exactly, or BF16
   * @param out folder; files of the same names are replaced, the weights last
   * @throws IllegalArgumentException naming the file and what does not fit
   */
  public static void write(Path model, DType format, Path out) throws IOException {
    if (format != DType.F32 && format != DType.BF16) {
      throw new IllegalArgumentException("format: " + format + ", expected F32 or BF16");
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (Checkpoint checkpoint = new Checkpoint(model.resolve(WEIGHTS))) {
      for (String name : checkpoint.names()) {
        if (!name.endsWith("_scale")) {
          tensors.put(name, plain(checkpoint, name, format));
        }
      }
      String config = Files.readString(model.resolve("config.json"));
      try {
        Files.createDirectories(out);
      } catch (NoSuchFileException e) {
        throw new IllegalArgumentException(
            "out: " + out + ", expected a place where a folder can be made", e);
      }
      for (String name : BESIDE_MODEL) {
        copy(model.resolve(name), out);
      }
      WholeFile.write(
          out.resolve("config.json"),
          config.replaceAll(
              "(\"torch_dtype\"\\s*:\\s*)\"[a-z0-9]*\"",
              "$1\"" + (format == DType.F32 ? "float32" : "bfloat16") + "\""));
      for (String name : TOKENIZER) {
        Path own = model.resolve(name);
        copy(Files.exists(own) ? own : model.toAbsolutePath().resolveSibling(name), out);
      }
      SafetensorsWriter.write(out.resolve(WEIGHTS), tensors, Map.of("format", "pt"));
    } finally {
      tensors.values().forEach(tensor -> tensor.buffer().close());
    }
  }

  private static void copy(Path file, Path out) throws IOException {
    if (Files.exists(file)) {
      Files.copy(file, out.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static Tensor plain(Checkpoint checkpoint, String name, DType format) {
    Tensor stored = checkpoint.tensor(name);
    long step = format.bytes(1);
    if (stored.rank() != 2) {
      if (!stored.dtype().isFloat()) {
        throw checkpoint.bad(name, stored, "F32, F16 or BF16");
      }
      Tensor plain = Tensor.allocate(format, stored.shape());
      for (long i = 0; i < stored.elements(); i++) {
        plain.setFloatAt(i * step, stored.floatAt(stored.offset() + i * stored.dtype().bytes(1)));
      }
      return plain;
    }
    if (!name.endsWith(".weight")) {
      throw checkpoint.bad(name, stored, "a matrix whose name ends with .weight");
    }
    int columns = Math.toIntExact(stored.size(1));
    String matrix = name.substring(0, name.length() - ".weight".length());
    WeightRows rows = Weights.mapped(checkpoint, matrix, (int) stored.size(0), columns);
    Tensor plain = Tensor.allocate(format, stored.shape());
    float[] row = new float[columns];
    for (int r = 0; r < rows.rows(); r++) {
      rows.read(r, row);
      for (int c = 0; c < columns; c++) {
        plain.setFloatAt(plain.offset(r, c), row[c]);
      }
    }
    return plain;
  }
}
