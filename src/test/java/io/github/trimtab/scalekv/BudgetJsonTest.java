package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BudgetJsonTest {
  private static final String GOOD =
      """
      {"Scale 3": {"Block 0": 1, "Block 1": 0, "High": 1, "Max": 20, "Min": 4, "Limit": 21}}
      """;

  @Test
  void aTableSurvivesWritingAndReading(@TempDir Path folder) throws IOException {
    Schedule schedule = Schedule.VAR_512;
    BudgetTable table =
        new BudgetRule(schedule, 8, 122, Map.of(8, Set.of(0), 10, Set.of(0, 5)), 9).released();
    assertThat(table.rows()).hasSize(4);
    Path file = folder.resolve("budget.json");
    Files.writeString(file, BudgetJson.format(table));
    assertThat(BudgetJson.read(file)).isEqualTo(table);
  }

  @Test
  void theReleasedFormatIsRead() {
    BudgetTable table = BudgetJson.parse(GOOD);
    assertThat(table.layers()).isEqualTo(2);
    assertThat(table.capacity(3, 0)).isEqualTo(20);
    assertThat(table.capacity(3, 1)).isEqualTo(4);
    assertThat(table.rows().iterator().next().limit()).isEqualTo(21);
    assertThat(BudgetJson.format(table)).contains("\"Block 0\" : 1").endsWith("}\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Scale 3 | Scale x | key: \"Scale x\", expected \"Scale r\" with r from 1",
        "Scale 3 | Scale 0 | key: \"Scale 0\", expected \"Scale r\" with r from 1",
        "Block 1 | Block 2 | Scale 3: Block 2 without Block 1, expected blocks 0 to L-1",
        "Block 1 | Blocks | Scale 3, key: \"Blocks\", expected \"Block i\", High, Max, Min or"
            + " Limit",
        "Block 1 | Block 0 | JSON: Duplicate field 'Block 0'",
        "1, | 2, | Scale 3, Block 0: 2, expected 1 (drafter) or 0 (refiner)",
        "20 | 20.5 | Scale 3, Max: 20.5, expected an integer from 0",
        "20 | -1 | Scale 3, Max: -1, expected an integer from 0",
        "20 | 99999999999 | Scale 3, Max: 99999999999, expected an integer from 0",
        "20 | null | Scale 3, Max: null, expected an integer from 0",
        "20 | [20] | Scale 3, Max: [, expected an integer from 0",
        "\"Max\" | \"Most\" | Scale 3, key: \"Most\", expected \"Block i\", High, Max, Min or"
            + " Limit",
        "'\"Min\": 4, ' | '' | Scale 3, Min: missing, expected an integer",
      })
  void errorsNameKeyValueAndExpectation(String from, String to, String message) {
    String json = GOOD.replace(from, to == null ? "" : to);
    assertThat(json).isNotEqualTo(GOOD);
    assertThatThrownBy(() -> BudgetJson.parse(json))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void otherTextIsRefused(@TempDir Path folder) throws IOException {
    for (String json :
        new String[] {"", "[]", "{}", "{\"Scale 3\": 4}", GOOD + "{}", GOOD.substring(0, 60)}) {
      assertThatThrownBy(() -> BudgetJson.parse(json)).isInstanceOf(IllegalArgumentException.class);
    }
    String twoSizes =
        GOOD.trim()
            .replaceFirst(
                "}}$",
                "}, \"Scale 4\": {\"Block 0\": 0, \"High\": 0, \"Max\": 1, \"Min\": 1, \"Limit\":"
                    + " 1}}");
    assertThatThrownBy(() -> BudgetJson.parse(twoSizes))
        .hasMessage("Scale 4: 1 blocks, expected 2 as Scale 3 has");
    Path file = folder.resolve("bad.json");
    Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe});
    assertThatThrownBy(() -> BudgetJson.read(file)).hasMessageContaining("bad.json");
  }
}
