package io.github.trimtab.engine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.trimtab.vocab.CountsFile;
import io.github.trimtab.vocab.Coverage;
import io.github.trimtab.vocab.KeptFile;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounts;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vocab coverage}. */
@Command(
    name = "coverage",
    description = "How much of held-out text kept vocabularies hold, by domain and overall.")
final class VocabCoverageCommand implements Callable<Integer> {
  /** How the lines are printed. */
  private enum Format {
    TABLE,
    JSON;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private record Line(Path file, int kept, Coverage coverage) {}

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(arity = "1..*", paramLabel = "KEPT", description = "Files of kept vocabularies.")
  private List<Path> files = List.of();

  @Option(
      names = "--held-out",
      required = true,
      paramLabel = "[DOMAIN=]COUNTS",
      description =
          "A file of counts of one domain; once for each (default domain: the file's name).")
  private List<String> heldOut = List.of();

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "table: for people; json: for programs (default: table).")
  private Format format = Format.TABLE;

  @Mixin private final Vocabulary vocabulary = new Vocabulary();

  @Override
  public Integer call() throws IOException {
    Provenance expected = vocabulary.provenance("");
    Map<String, TokenCounts> domains = new LinkedHashMap<>();
    for (String argument : heldOut) {
      TokenCounts counts = counts(Path.of(path(argument)), expected);
      expected = expected == null ? counts.provenance() : expected;
      if (domains.put(domain(argument), counts) != null) {
        throw new BadInputException("--held-out", argument, "each domain once");
      }
    }
    if (expected == null) {
      throw new BadInputException("--held-out", "missing", "a file of counts");
    }
    PrintWriter messages = spec.commandLine().getErr();
    List<Line> lines = new ArrayList<>();
    for (Path file : files) {
      KeptFile.Read read = KeptFile.read(file, expected);
      read.messages().forEach(messages::println);
      for (Coverage coverage : Coverage.of(read.kept(), domains)) {
        lines.add(new Line(file, read.kept().size(), coverage));
      }
    }
    PrintWriter out = spec.commandLine().getOut();
    out.print(format == Format.JSON ? json(lines) : table(lines));
    return 0;
  }

  private static TokenCounts counts(Path file, @Nullable Provenance expected) throws IOException {
    return expected == null ? CountsFile.read(file) : CountsFile.read(file, expected);
  }

  private static String path(String argument) {
    return argument.substring(argument.indexOf('=') + 1);
  }

  private static String domain(String argument) {
    int equals = argument.indexOf('=');
    return equals >= 0
        ? argument.substring(0, equals)
        : String.valueOf(Path.of(argument).getFileName());
  }

  private static String table(List<Line> lines) {
    int domainWidth = lines.stream().mapToInt(l -> l.coverage().domain().length()).max().orElse(0);
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%-" + Math.max(domainWidth, 6) + "s %9s %14s %9s  %s%n",
            "domain",
            "kept",
            "tokens",
            "coverage",
            "file"));
    for (Line line : lines) {
      text.append(
          String.format(
              Locale.ROOT,
              "%-" + Math.max(domainWidth, 6) + "s %9d %14d %9.4f  %s%n",
              line.coverage().domain(),
              line.kept(),
              line.coverage().tokens(),
              line.coverage().share(),
              line.file()));
    }
    return text.toString();
  }

  private static String json(List<Line> lines) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
      json.writeStartArray();
      for (Line line : lines) {
        json.writeStartObject();
        json.writeStringField("file", line.file().toString());
        json.writeNumberField("kept", line.kept());
        json.writeStringField("domain", line.coverage().domain());
        json.writeNumberField("tokens", line.coverage().tokens());
        json.writeNumberField("covered", line.coverage().covered());
        json.writeNumberField("coverage", line.coverage().share());
        json.writeEndObject();
      }
      json.writeEndArray();
    }
    return text.append('\n').toString();
  }
}
