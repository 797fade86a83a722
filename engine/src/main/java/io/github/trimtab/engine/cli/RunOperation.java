package io.github.trimtab.engine.cli;

import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What running any operation shares: files, backend and settings. */
@Command(
    optionListHeading = "%nOptions:%n",
    footer = {
      "",
      "Float tensors are F32, F16 or BF16 (keys and values of one call alike), integers I32 or"
          + " I64.",
      "R rows, H query heads, G key/value heads (G divides H), D head dim (a multiple of 8, at most"
          + " 256).",
      "What lies past a row's lengths or new_lengths is padding: scores and lse -inf, out, k and v"
          + " 0, indices -1.",
      "Without new tokens, new_lengths counts a row's valid queries. Other tensors in the file are"
          + " ignored.",
      "precision=canonical|fast (canonical) is known to every operation; both give the same"
          + " result, since each has one form."
    })
abstract class RunOperation implements Callable<Integer> {
  @Option(names = "--in", required = true, paramLabel = "FILE", description = "Input tensors.")
  private Path in = Path.of("");

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "Output tensors; appears whole or not at all.")
  private Path out = Path.of("");

  @Mixin private BackendOption backend = new BackendOption();

  @Option(
      names = "-s",
      paramLabel = "key=value",
      description = "A setting of the operation; may be repeated.")
  private List<String> settings = List.of();

  /** The settings that the operation knows. */
  abstract Set<String> keys();

  /** Runs the operation and returns its output tensors by name. */
  abstract Map<String, Tensor> run(Kernels kernels, Inputs inputs, Settings settings);

  @Override
  public final Integer call() throws IOException {
    Kernels kernels = backend.kernels();
    Settings parsed = new Settings(settings, keys());
    checkOut();
    try (Inputs inputs = new Inputs(in)) {
      SafetensorsWriter.write(out, run(kernels, inputs, parsed), Map.of());
    }
    return 0;
  }

  private void checkOut() throws IOException {
    OutputFile.check(out);
    if (Files.exists(out) && Files.exists(in) && Files.isSameFile(in, out)) {
      throw new BadInputException("--out", out, "another file than --in");
    }
  }
}
