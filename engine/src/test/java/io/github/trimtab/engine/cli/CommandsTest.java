package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backend;
import io.github.trimtab.Backends;
import io.github.trimtab.engine.checkpoint.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandsTest {
  private static final List<String> CANONICAL =
      List.of(
          "score", "select", "evict", "verify", "head", "quantize", "columnsums", "selectivity");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "info",
        "demo",
        "selfcheck",
        "run",
        "run score",
        "run select",
        "run evict",
        "run attend",
        "scalekv",
        "scalekv budget",
        "vocab",
        "vocab count",
        "vocab trim",
        "vocab coverage",
        "vocab convert",
      })
  void everyCommandHelps(String command) {
    String[] args = (command + " --help").strip().split(" ", -1);
    Trimtab help = Trimtab.run(args).succeeds();
    assertThat(help.out()).startsWith("Usage: trimtab " + command);
  }

  @Test
  void infoSaysALineABackend() {
    Trimtab info = Trimtab.run("info").succeeds();
    assertThat(info.out().lines().map(line -> line.split(" ", 2)[0]))
        .containsExactlyInAnyOrder("cuda", "vector", "scalar");
    assertThat(info.out()).containsPattern("cuda +not available: .*CUDA");
  }

  @Test
  void infoAsJsonSaysAllOfEachBackend() {
    Trimtab info = Trimtab.run("info", "--json").succeeds();
    List<JsonObject> backends = JsonObject.parse("info", info.out()).objects("backends");
    assertThat(backends)
        .extracting(backend -> backend.text("name"))
        .containsExactly("cuda", "vector", "scalar");
    for (JsonObject json : backends) {
      Backend backend = Backends.named(json.text("name"));
      assertThat(json.keys())
          .containsExactlyInAnyOrder(
              "name", "available", "device", "lanes", "delegates", "reasons");
      assertThat(json.flag("available")).isEqualTo(backend.isAvailable());
      assertThat(json.text("device")).isEqualTo(backend.device());
      assertThat(json.integer("lanes")).isEqualTo(backend.lanes());
      assertThat(json.isArray("reasons")).isTrue();
    }
    assertThat(info.out().lines().filter(line -> line.contains("\"delegates\"")))
        .hasSize(3)
        .allMatch(line -> line.strip().matches("\"delegates\" : \\[ *],"));
  }

  @Test
  void selfcheckFindsTheCommittedHashesOnEveryBackend() {
    Trimtab selfcheck = Trimtab.run("selfcheck").succeeds();
    Backend cuda = Backends.named("cuda");
    Stream<String> backends = Stream.of("scalar", "vector128", "vector256", "vector512");
    List<String> expected =
        Stream.concat(backends, cuda.isAvailable() ? Stream.of("cuda") : Stream.of())
            .flatMap(backend -> CANONICAL.stream().map(operation -> operation + " " + backend))
            .collect(Collectors.toCollection(ArrayList::new));
    if (!cuda.isAvailable()) {
      expected.add("cuda not available: " + String.join(" ", cuda.reasons()));
    }
    assertThat(selfcheck.out().lines().map(line -> line.replaceFirst(" [0-9a-f]{64}$", "")))
        .containsExactlyElementsOf(expected);
  }
}
