package io.github.trimtab.engine.study;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The study's page shows what was measured, not what somebody typed. */
final class StudyPageTest {

  private static final Path DOCS = Path.of("..", "docs");

  private static final Pattern MARK = Pattern.compile("<!-- study: (\\S+) -->");

  @Test
  void theTablesAreThoseOfTheRecordedResults() throws IOException {
    String page = Files.readString(DOCS.resolve("scalekv.md"));
    StudyResults results = StudyResults.read(DOCS.resolve("scalekv").resolve("study.json"));
    assertThat(page).contains("| sensitivitykv |").contains("| random |");
    assertThat(new ResultTables(results).fill(page)).isEqualTo(page);
    assertThat(MARK.matcher(page).results().map(mark -> mark.group(1)))
        .containsExactly(
            "policies-20",
            "policies-10",
            "policies-4",
            "policies-1",
            "differences",
            "pages",
            "sweeps",
            "recorded-10");
  }
}
