package io.github.trimtab.benchmarks;

import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.BudgetTable;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.ScoringMode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An image of a published model's shape with a budget for its cache: what every layer attends to
 * and keeps, scale by scale. {@code images.txt}, which gpu-benchmark and torch_peers.py read, holds
 * all of them.
 *
 * @param model whose shape it is
 * @param layers of the model
 * @param heads of a layer
 * @param headDim elements of a head
 * @param rows of the batch: two an image, for guidance
 * @param schedule the maps
 * @param percent of the history that the last scale sees, which layers keep on average; 100: all
 * @param uniform the same in tokens
 * @param drafters layers that keep more than others, by scale number
 */
record ImagePlan(
    String model,
    int layers,
    int heads,
    int headDim,
    int rows,
    Schedule schedule,
    int percent,
    int uniform,
    Map<Integer, Set<Integer>> drafters) {

  private static final int ALL = 100;

  private static final ObservationWindow WINDOW = ObservationWindow.GRID_4;

  private static final String HEADER =
      """
      # Written by io.github.trimtab.benchmarks.ImagePlan: images of published shapes with budgets for their caches.
      # image MODEL PERCENT rows N layers N heads N dim N maps TOKENS...
      # after SCALE keep TOKENS drafters COUNT LAYER... keep TOKENS window PLACES...
      #   of the image above: after that scale (from 1) a layer that holds more keeps so many tokens, drafters so many;
      #   the window's places are in the scale's map. A scale without a line keeps everything; the last is not stored.
      """;

  /** The published shapes at 100, 20, 10 and 4 %. */
  static List<ImagePlan> all() {
    List<IntFunction<ImagePlan>> models =
        List.of(
            percent ->
                infinity(
                    "Infinity-2B",
                    32,
                    16,
                    percent,
                    scale -> scale < 13 ? Set.of(0, 23) : Set.of(0)),
            percent -> infinity("Infinity-8B", 40, 28, percent, scale -> Set.of(0, 1, 2)),
            percent -> var("VAR-d30", 30, 2, Schedule.VAR_256, percent),
            percent -> var("VAR-d30", 30, 64, Schedule.VAR_256, percent),
            percent -> var("VAR-d36", 36, 2, Schedule.VAR_512, percent));
    return models.stream().flatMap(model -> IntStream.of(ALL, 20, 10, 4).mapToObj(model)).toList();
  }

  /** The budgets and, at 10 %, the very tables of the released code; its drafters at the others. */
  private static ImagePlan infinity(
      String model, int layers, int heads, int percent, IntFunction<Set<Integer>> drafters) {
    int uniform =
        switch (percent) {
          case 20 -> 1300;
          case 10 -> 650;
          case 4 -> 265;
          default -> 0; // none
        };
    Map<Integer, Set<Integer>> ofScale =
        IntStream.rangeClosed(1, Schedule.INFINITY_1M.scales())
            .boxed()
            .collect(Collectors.toMap(scale -> scale, drafters::apply));
    return new ImagePlan(
        model, layers, heads, 128, 2, Schedule.INFINITY_1M, percent, uniform, ofScale);
  }

  /** Nobody has named VAR's drafters, so every layer keeps as much. */
  private static ImagePlan var(String model, int depth, int rows, Schedule schedule, int percent) {
    int history = schedule.history(schedule.scales() - 1);
    int uniform = Math.round(history * percent / 100f);
    return new ImagePlan(model, depth, depth, 64, rows, schedule, percent, uniform, Map.of());
  }

  /** What the study calls it; gpu-benchmark and torch_peers.py make the same name. */
  String name() {
    return model
        + ", "
        + rows
        + " rows, "
        + (percent == ALL ? "the full cache" : percent + " % kept");
  }

  /** What the cache forgets. */
  EvictionPolicy policy() {
    return percent == ALL
        ? EvictionPolicy.full().storingNothingAt(schedule.scales() - 1)
        : new ScaleKv(schedule, budgets(), WINDOW, ScoringMode.OFFICIAL.scoring(1));
  }

  private BudgetTable budgets() {
    return new BudgetRule(schedule, layers, uniform, drafters, WINDOW.size()).released();
  }

  private List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "image %s %d rows %d layers %d heads %d dim %d maps %s"
            .formatted(model, percent, rows, layers, heads, headDim, numbers(schedule.tokens())));
    if (percent < ALL) {
      for (BudgetTable.Row row : budgets().rows()) {
        int map = row.scale() - 2;
        int[] favoured =
            IntStream.range(0, layers).filter(layer -> row.capacity(layer) != row.min()).toArray();
        lines.add(
            "after %d keep %d drafters %d %skeep %d window %s"
                .formatted(
                    map + 1,
                    row.min(),
                    favoured.length,
                    favoured.length == 0 ? "" : numbers(favoured) + " ",
                    row.max(),
                    numbers(WINDOW.positions(schedule.height(map), schedule.width(map)))));
      }
    }
    return lines;
  }

  private static String numbers(int... values) {
    var text = new StringJoiner(" ");
    Arrays.stream(values).forEach(value -> text.add(Integer.toString(value)));
    return text.toString();
  }

  /** All plans as {@code images.txt}. */
  static String file() {
    return HEADER
        + all().stream()
            .flatMap(plan -> plan.lines().stream())
            .map(line -> line + "\n")
            .collect(Collectors.joining());
  }

  /**
   * Writes {@code images.txt}.
   *
   * @param args the file
   */
  public static void main(String[] args) throws IOException {
    Files.writeString(Path.of(args[0]), file());
  }
}
