package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.scalekv.BudgetJson;
import io.github.trimtab.scalekv.BudgetTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BudgetCommandTest {
  private static final String SIDES = "1,2,4,6,8,12,16,20,24,32,40,48,64";
  private static final String DRAFTERS_2B = "9:0,23;10:0,23;11:0,23;12:0,23;13:0";

  @TempDir Path folder;

  private static Trimtab budget(String... args) {
    return Trimtab.run(
        Stream.concat(Stream.of("scalekv", "budget"), Arrays.stream(args)).toArray(String[]::new));
  }

  private static Trimtab budget2b(String... more) {
    String[] args = {
      "--layers", "32", "--sides", SIDES, "--uniform", "650", "--drafters", DRAFTERS_2B
    };
    return budget(Stream.concat(Arrays.stream(args), Arrays.stream(more)).toArray(String[]::new));
  }

  @Test
  void theReleasedTableOfTwoBillionIsReproduced() {
    BudgetTable table = BudgetJson.parse(budget2b().succeeds().out());
    assertThat(table.layers()).isEqualTo(32);
    assertThat(table.rows().stream().map(BudgetCommandTest::numbers))
        .containsExactly(
            "9: 920 632 921",
            "10: 1490 594 1496",
            "11: 2510 526 2514",
            "12: 4100 420 4110",
            "13: 6385 465 6404");
    assertThat(table.capacity(12, 23)).isEqualTo(4100);
    assertThat(table.capacity(13, 23)).isEqualTo(465);
  }

  @Test
  void theReleasedTableOfEightBillionIsReproduced() throws IOException {
    Path drafters =
        Files.writeString(
            folder.resolve("drafters"), "9: 0,1,2\n10:0,1,2\n11:0,1,2\n12:0,1,2;13:0,1,2\n");
    Trimtab made =
        budget(
            "--layers",
            "40",
            "--schedule",
            "1,4,16,36,64,144,256,400,576,1024,1600,2304,4096",
            "--uniform",
            "650",
            "--drafters",
            drafters.toString(),
            "--format",
            "json");
    assertThat(
            BudgetJson.parse(made.succeeds().out()).rows().stream().map(BudgetCommandTest::numbers))
        .containsExactly(
            "9: 909 629 921",
            "10: 1464 584 1485",
            "11: 2463 503 2488",
            "12: 4054 374 4063",
            "13: 6200 200 6358");
  }

  private static String numbers(BudgetTable.Row row) {
    return row.scale() + ": " + row.max() + " " + row.min() + " " + row.limit();
  }

  @Test
  void draftersMayComeFromATable() throws IOException {
    String json = budget2b().succeeds().out();
    Path file = Files.writeString(folder.resolve("table.json"), json);
    Trimtab again =
        budget(
            "--layers", "32", "--sides", SIDES, "--uniform", "650", "--drafters", file.toString());
    assertThat(again.succeeds().out()).isEqualTo(json);
  }

  @Test
  void thePapersRuleDecays() {
    Trimtab made = budget2b("--rule", "paper", "--br0", "600", "--delta", "70");
    assertThat(BudgetJson.parse(made.succeeds().out()).rows().stream().map(BudgetTable.Row::min))
        .containsExactly(600, 530, 460, 390, 320);
  }

  @Test
  void aTableIsPrintedForPeople() {
    String out = budget2b("--format", "table").succeeds().out();
    assertThat(out).contains("32 layers").containsPattern(" 9 +2 +920 +632 +921 +20800 +650.00");
  }

  @Test
  void checkReportsWhatIsOdd() throws IOException {
    String json = budget2b().succeeds().out();
    Path good = Files.writeString(folder.resolve("good.json"), json);
    assertThat(budget("--check", good.toString()).succeeds().out()).contains("650.00");
    Path odd =
        Files.writeString(folder.resolve("odd.json"), json.replace("\"High\" : 1", "\"High\" : 4"));
    assertThat(budget("--check", odd.toString()).succeeds().out())
        .contains("odd: Scale 13: High is 4");
    Path bad = Files.writeString(folder.resolve("bad.json"), json.replace("920", "\"920\""));
    budget("--check", bad.toString()).fails(2, bad.toString(), "Scale 9, Max");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--layers 0|layers: 0",
        "--layers x|--layers",
        "--uniform 10|uniform: 10, expected at least the window's 16 tokens",
        "--sides 1,0|scale 1: 0 x 0",
        "--sides 1,-2|-2",
        "--sides 65536,65536|2^31",
        "--sides 1,,2|--sides",
        "--floor 8|floor: 8",
        "--floor 651|floor: 651",
        "--window -1|window: -1",
        "--drafters 9:0,40|layer 40, expected 0..31",
        "--drafters 14:0|scale number 14",
        "--drafters 9:0,0|--drafters: 9:0,0",
        "--drafters 9:0;9:1|--drafters: 9:1",
        "--drafters 9|--drafters: 9",
        "--drafters no-such-file|no-such-file: no such file",
        "--rule other|--rule",
        "--format xml|--format",
        "--rule paper|--br0: missing",
        "--br0 600|--rule paper",
        "--schedule 1,4|--schedule and --sides: both given",
      })
  void badOptions(String option, String complaint) {
    String[] parts = option.split(" ", -1);
    String[] args = {"--layers", "32", "--sides", SIDES, "--uniform", "650"};
    for (int i = 0; i < args.length; i += 2) {
      if (args[i].equals(parts[0])) {
        args[i + 1] = parts[1];
        budget(args).fails(2, complaint);
        return;
      }
    }
    budget(Stream.concat(Arrays.stream(args), Arrays.stream(parts)).toArray(String[]::new))
        .fails(2, complaint);
  }

  @Test
  void missingOptions() {
    budget("--sides", SIDES, "--uniform", "650").fails(2, "--layers: missing");
    budget("--layers", "3", "--sides", SIDES).fails(2, "--uniform: missing");
    budget("--layers", "3", "--uniform", "650").fails(2, "--schedule and --sides: missing");
  }
}
