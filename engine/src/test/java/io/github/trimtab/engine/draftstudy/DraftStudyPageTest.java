package io.github.trimtab.engine.draftstudy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The page on draft heads shows what was measured, not what somebody typed. */
class DraftStudyPageTest {

  private static final Path DOCS = Path.of("..", "docs");

  private static final Pattern MARK = Pattern.compile("<!-- study: (\\S+) -->");

  @ParameterizedTest
  @CsvSource({"blocks.json, sizes", "speed.json, speed-sizes"})
  void theTablesAreThoseOfTheRecordedStudy(String file, String table) throws IOException {
    String page = Files.readString(DOCS.resolve("speculative.md"));
    PageTables tables = PageTables.read(DOCS.resolve("speculative").resolve(file));
    String mark = "<!-- study: " + table + " -->\n";
    assertThat(page).contains(mark + "| domain | T |");
    assertThat(tables.fill(page)).isEqualTo(page);
    // A number that somebody changed is written anew.
    int number = page.indexOf(" ± ", page.indexOf(mark));
    String changed = page.substring(0, number) + "1" + page.substring(number);
    assertThat(tables.fill(changed)).isEqualTo(page);
  }

  @Test
  void thePageHasEveryTable() throws IOException {
    String page = Files.readString(DOCS.resolve("speculative.md"));
    assertThat(MARK.matcher(page).results().map(mark -> mark.group(1)))
        .containsExactly(
            "sizes", "tail", "sources", "domains", "speed-sizes", "speed-tail", "speed-domains");
  }
}
