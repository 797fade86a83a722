package consumer;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Writes a tensor to a file and reads it back; the best backend must be the expected one. */
public final class Main {
  private Main() {}

  /** Takes the name of the expected backend. */
  public static void main(String[] args) throws IOException {
    Backend backend = Backends.bestOnHost();
    if (!backend.name().equals(args[0])) {
      throw new AssertionError("expected " + args[0] + ", got " + Backends.all());
    }
    System.out.println(backend);
    Path file = Files.createTempFile("consumer", ".safetensors");
    try (Buffer buffer = Buffer.allocate(4 * Float.BYTES)) {
      Tensor written = Tensor.of(DType.F32, buffer, 2, 2);
      written.setFloatAt(written.offset(1, 0), 0.5f);
      SafetensorsWriter.write(file, Map.of("t", written), Map.of());
      try (Safetensors tensors = Safetensors.open(file)) {
        Tensor read = tensors.tensor("t");
        if (read.floatAt(read.offset(1, 0)) != 0.5f) {
          throw new AssertionError("read " + read);
        }
      }
    } finally {
      Files.delete(file);
    }
  }
}
