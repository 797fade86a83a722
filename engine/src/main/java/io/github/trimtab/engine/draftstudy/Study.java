package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.BundledCounts;
import io.github.trimtab.engine.completion.Completer;
import io.github.trimtab.engine.completion.Completion;
import io.github.trimtab.engine.completion.Drafter;
import io.github.trimtab.engine.completion.Speculation;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.engine.llama.GatheredHead;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.AdaptiveHeads;
import io.github.trimtab.speculative.BlockEfficiency;
import io.github.trimtab.speculative.DraftHead;
import io.github.trimtab.speculative.DraftHeads;
import io.github.trimtab.speculative.DynamicVocabulary;
import io.github.trimtab.speculative.FallbackRule;
import io.github.trimtab.speculative.Warping;
import io.github.trimtab.vocab.KeptVocabulary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Completes held-out prompts in every way of a plan. Ways take turns at each prompt, so that a slow
 * minute of the machine slows all of them; what was written and accepted depends on the seed alone.
 *
 * @param prompts most of a domain
 * @param tokens most that are written behind a prompt
 */
public record Study(
    TextModels models,
    Kernels kernels,
    BundledCounts counts,
    Prompts held,
    Plan plan,
    int prompts,
    int tokens,
    long seed) {

  /** Left after a few rounds of a wrong list, and kept through a right one's bad luck. */
  private static final FallbackRule RULE = new FallbackRule(24, 0.2, 0.25, 48, 12);

  /** Tokens written unmeasured in each way at first, so that none pays for compilation. */
  private static final int WARM_UP = 64;

  /**
   * Measures what is missing.
   *
   * @param file of the measurements
   * @param progress is told of how many completions, and the next one's cell
   */
  public List<Summary> run(Path file, BiConsumer<Integer, String> progress) throws IOException {
    List<Cell> cells = plan.cells();
    Map<String, KeptVocabulary> lists = lists(cells);
    int longest = 0;
    for (Cell cell : cells) {
      for (int[] prompt : held.of(cell.domain())) {
        longest = Math.max(longest, prompt.length);
      }
    }
    try (Records records = new Records(file);
        Completer completer =
            new Completer(models, kernels, longest + Math.max(tokens, WARM_UP) + 64)) {
      int done = 0;
      boolean warm = false;
      for (int prompt = 0; prompt < prompts; prompt++) {
        for (Cell cell : cells) {
          progress.accept(done++, cell.id());
          if (prompt < held.of(cell.domain()).size() && !records.has(cell, prompt)) {
            if (!warm) {
              warm = true;
              for (Cell other : cells) {
                progress.accept(0, "warming up, " + other.id());
                Measurement _ = measure(completer, other, 0, WARM_UP, lists);
              }
            }
            records.add(measure(completer, cell, prompt, tokens, lists));
          }
        }
      }
      return summaries(cells, records);
    }
  }

  private List<Summary> summaries(List<Cell> cells, Records records) {
    List<Summary> summaries = new ArrayList<>();
    for (Cell cell : cells) {
      Cell reference = cell.reference(plan.vocabulary());
      Summary summary = Summary.of(cell, records.of(cell), records.of(reference), models);
      if (summary != null) {
        summaries.add(summary);
      }
    }
    return summaries;
  }

  private Map<String, KeptVocabulary> lists(List<Cell> cells) throws IOException {
    Map<String, KeptVocabulary> lists = new HashMap<>();
    for (Cell cell : cells) {
      if (!cell.list().isEmpty()) {
        List<String> names =
            cell.choice() == Cell.Choice.SWITCHING ? plan.switched() : List.of(cell.list());
        for (String name : names) {
          if (!lists.containsKey(key(name, cell.rows()))) {
            lists.put(key(name, cell.rows()), counts.keep(counts.read(name), cell.rows()));
          }
        }
      }
    }
    return lists;
  }

  private static String key(String list, int rows) {
    return list + " " + rows;
  }

  private Measurement measure(
      Completer completer, Cell cell, int prompt, int most, Map<String, KeptVocabulary> lists) {
    int[] text = held.of(cell.domain()).get(prompt);
    Warping warping =
        cell.temperature() == 0 ? Warping.greedy() : Warping.temperature(cell.temperature());
    Speculation speculation = speculation(cell, text, lists);
    Completion completion =
        completer.complete(text, most, warping, speculation, seed + prompt, _ -> {});
    KeptVocabulary list = lists.get(key(cell.list(), cell.rows()));
    int covered = 0;
    for (int token : completion.tokens()) {
      covered += list == null || list.contains(token) ? 1 : 0;
    }
    BlockEfficiency counted = completion.efficiency();
    return new Measurement(
        cell.id(),
        prompt,
        completion.tokens().length,
        counted.rounds(),
        counted.drafted(),
        counted.accepted(),
        covered,
        completion.seconds());
  }

  private @Nullable Speculation speculation(
      Cell cell, int[] prompt, Map<String, KeptVocabulary> lists) {
    Drafter drafter = cell.drafter();
    if (drafter == null) {
      return null;
    }
    WeightRows rows = drafter.head(models);
    DraftHead full = GatheredHead.full(kernels, rows);
    if (cell.list().isEmpty()) {
      return new Speculation(drafter, DraftHeads.always(full), cell.gamma(), null);
    }
    int[] core = list(lists, cell.list(), cell).ids();
    if (cell.tail() > 0) {
      DynamicVocabulary ids =
          new DynamicVocabulary(plan.vocabulary(), core, core.length, cell.tail());
      DraftHead head = GatheredHead.of(kernels, rows, ids::ids);
      return new Speculation(drafter, DraftHeads.always(head), cell.gamma(), ids);
    }
    DraftHeads heads =
        switch (cell.choice()) {
          case FIXED -> DraftHeads.always(head(rows, core));
          case FALLBACK -> new AdaptiveHeads(List.of(head(rows, core)), full, RULE);
          case SWITCHING -> switching(cell, rows, full, prompt, lists);
        };
    return new Speculation(drafter, heads, cell.gamma(), null);
  }

  private DraftHead head(WeightRows rows, int[] ids) {
    Tensor kept = Tensor.wrap(ids, ids.length);
    return GatheredHead.of(kernels, rows, () -> kept);
  }

  /** Begins with the list that holds most of the prompt. */
  private DraftHeads switching(
      Cell cell, WeightRows rows, DraftHead full, int[] prompt, Map<String, KeptVocabulary> lists) {
    List<DraftHead> heads = new ArrayList<>();
    int best = 0;
    int most = -1;
    for (String name : plan.switched()) {
      KeptVocabulary list = list(lists, name, cell);
      int covered = 0;
      for (int token : prompt) {
        covered += list.contains(token) ? 1 : 0;
      }
      if (covered > most) {
        most = covered;
        best = heads.size();
      }
      heads.add(head(rows, list.ids()));
    }
    AdaptiveHeads adaptive = new AdaptiveHeads(heads, full, RULE);
    adaptive.use(best);
    return adaptive;
  }

  private static KeptVocabulary list(Map<String, KeptVocabulary> lists, String name, Cell cell) {
    KeptVocabulary list = lists.get(key(name, cell.rows()));
    if (list == null) {
      throw new IllegalStateException("list " + name + " was not read");
    }
    return list;
  }
}
