package io.github.trimtab.engine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Collection;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What works on this machine, and why other things do not. */
@Command(
    name = "info",
    description = "List the backends: version, device and lanes, or the reason why one is missing.")
final class InfoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--json",
      description =
          "Print JSON, which adds each backend's delegates: the operations that merely call another"
              + " backend.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(json());
    } else {
      Backends.all().forEach(backend -> out.println(line(backend)));
    }
    return 0;
  }

  private static String line(Backend backend) {
    return backend.isAvailable()
        ? "%-7s %s, %s, %d lane%s"
            .formatted(
                backend.name(),
                version(),
                backend.device(),
                backend.lanes(),
                backend.lanes() == 1 ? "" : "s")
        : "%-7s not available: %s".formatted(backend.name(), String.join(" ", backend.reasons()));
  }

  private static String json() throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator generator =
        new JsonFactory().createGenerator(text).useDefaultPrettyPrinter()) {
      generator.writeStartObject();
      generator.writeStringField("version", version());
      generator.writeArrayFieldStart("backends");
      for (Backend backend : Backends.all()) {
        generator.writeStartObject();
        generator.writeStringField("name", backend.name());
        generator.writeBooleanField("available", backend.isAvailable());
        generator.writeStringField("device", backend.device());
        generator.writeNumberField("lanes", backend.lanes());
        strings(generator, "delegates", new TreeSet<>(backend.delegates()));
        strings(generator, "reasons", backend.reasons());
        generator.writeEndObject();
      }
      generator.writeEndArray();
      generator.writeEndObject();
    }
    return text.toString();
  }

  private static void strings(JsonGenerator generator, String name, Collection<String> values)
      throws IOException {
    generator.writeArrayFieldStart(name);
    for (String value : values) {
      generator.writeString(value);
    }
    generator.writeEndArray();
  }

  private static String version() {
    String version = Backends.class.getPackage().getImplementationVersion();
    return version == null ? "unpackaged" : version;
  }
}
