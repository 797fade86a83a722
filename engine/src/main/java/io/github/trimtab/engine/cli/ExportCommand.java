package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.llama.HuggingFaceExport;
import io.github.trimtab.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code model export}. */
@Command(
    name = "export",
    description =
        "Write a language model in Hugging Face's layout for other programs: config.json,"
            + " tokenizer.json and model.safetensors, INT8 rows multiplied by their scales.")
final class ExportCommand implements Callable<Integer> {

  /** The formats that weights may be written in. */
  enum Format {
    F32,
    BF16
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--model",
      paramLabel = "DIR",
      defaultValue = "${sys:trimtab.home:-.}/models/java-text/target",
      description = "Folder of the model (default: ${DEFAULT-VALUE}).")
  private Path model = Path.of("");

  @Option(
      names = "--format",
      paramLabel = "NAME",
      defaultValue = "f32",
      description = "f32, which holds the weights exactly, or bf16 (default: ${DEFAULT-VALUE}).")
  private Format format = Format.F32;

  @Option(names = "--out", paramLabel = "DIR", required = true, description = "Folder to write.")
  private Path out = Path.of("");

  @Override
  public Integer call() throws IOException {
    if (Files.exists(out) && (!Files.isDirectory(out) || Files.isSameFile(out, model))) {
      throw new BadInputException("--out", out, "a folder other than the model's, or none yet");
    }
    HuggingFaceExport.write(model, DType.valueOf(format.name()), out);
    spec.commandLine().getOut().println("model: " + out);
    return 0;
  }
}
