package io.github.trimtab.engine.cli;

import io.github.trimtab.vocab.KeptFile;
import io.github.trimtab.vocab.KeptVocabulary;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vocab convert}. */
@Command(
    name = "convert",
    description = {
      "Read a kept vocabulary in one format and write it in another.",
      "",
      "Formats go by the files' endings and contents: .pt (FR-Spec, SGLang), .safetensors (EAGLE-3"
          + " d2t and t2d), .gguf (d2t), .json, .npy; a .txt of counts is read only. Repeated ids"
          + " are dropped with a message. With --tokenizer, ids without a token are dropped and"
          + " missing special ids added."
    })
final class VocabConvertCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--in", required = true, paramLabel = "FILE", description = "What to read.")
  private Path in = Path.of("");

  @Option(names = "--out", required = true, paramLabel = "FILE", description = "What to write.")
  private Path out = Path.of("");

  @Mixin private final Vocabulary vocabulary = new Vocabulary();

  @Override
  public Integer call() throws IOException {
    OutputFile.check(out);
    PrintWriter messages = spec.commandLine().getErr();
    KeptFile.Read read = KeptFile.read(in, vocabulary.required(""));
    KeptVocabulary kept = read.kept();
    if (vocabulary.tokenizer() != null) {
      KeptVocabulary real = kept.only(vocabulary.ids(kept.provenance().vocabularySize()));
      KeptVocabulary whole = real.plus(vocabulary.protectedIds().stream().toArray());
      if (real.size() < kept.size()) {
        messages.println(in + ": " + (kept.size() - real.size()) + " ids without a token dropped");
      }
      if (whole.size() > real.size()) {
        messages.println(
            in + ": " + (whole.size() - real.size()) + " special and single-byte ids added");
      }
      kept = whole;
    }
    KeptFile.write(out, kept);
    read.messages().forEach(messages::println);
    spec.commandLine().getOut().println(out + ": " + kept);
    return 0;
  }
}
