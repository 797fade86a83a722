package io.github.trimtab.engine.cli;

import io.github.trimtab.scalekv.BudgetJson;
import io.github.trimtab.scalekv.BudgetTable;
import io.github.trimtab.scalekv.LayerRole;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** The values of {@code --drafters}: {@code 9:0,23;10:0,23}, or a file. */
final class DrafterList {
  private static final Pattern LIST = Pattern.compile("[\\d:,;\\s]*");

  private DrafterList() {}

  /** Drafter layers by scale number. */
  static Map<Integer, Set<Integer>> parse(String value) throws IOException {
    if (LIST.matcher(value).matches()) {
      return list(value);
    }
    Path file = Path.of(value);
    String text = TextFile.read("--drafters", file);
    if (text.stripLeading().startsWith("{")) {
      return table(BudgetJson.read(file));
    }
    if (!LIST.matcher(text).matches()) {
      throw new BadInputException(
          "--drafters", file, "a list such as 9:0,23;10:0,23 or a budget table in it");
    }
    return list(text);
  }

  private static Map<Integer, Set<Integer>> list(String text) {
    Map<Integer, Set<Integer>> drafters = new HashMap<>();
    for (String row : text.split("[;\\n]", -1)) {
      if (row.isBlank()) {
        continue;
      }
      String[] parts = row.split(":", -1);
      Set<Integer> layers = new TreeSet<>();
      if (parts.length != 2 || drafters.put(number(parts[0], row), layers) != null) {
        throw bad(row.strip());
      }
      for (String layer : parts[1].split(",", -1)) {
        if (!(parts[1].isBlank() || layers.add(number(layer, row)))) {
          throw bad(row.strip());
        }
      }
    }
    return drafters;
  }

  private static int number(String text, String row) {
    try {
      return Integer.parseInt(text.strip());
    } catch (NumberFormatException e) {
      throw bad(row.strip());
    }
  }

  private static BadInputException bad(String row) {
    return new BadInputException(
        "--drafters", row, "a scale number, a colon and layers, each scale and layer once");
  }

  private static Map<Integer, Set<Integer>> table(BudgetTable table) {
    Map<Integer, Set<Integer>> drafters = new HashMap<>();
    for (BudgetTable.Row row : table.rows()) {
      Set<Integer> layers = new TreeSet<>();
      for (int layer = 0; layer < table.layers(); layer++) {
        if (row.roles().get(layer) == LayerRole.DRAFTER) {
          layers.add(layer);
        }
      }
      drafters.put(row.scale(), layers);
    }
    return drafters;
  }
}
