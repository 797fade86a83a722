package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.BundledCounts;
import io.github.trimtab.engine.completion.Completion;
import io.github.trimtab.engine.completion.Drafter;
import io.github.trimtab.engine.completion.Speculation;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.engine.llama.GatheredHead;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.report.Records;
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
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Completes held-out prompts in every way of a plan. Ways take turns at each batch of prompts, so
 * that a slow minute of the machine slows all of them; what was written and accepted depends on the
 * seed alone.
 *
 * @param on where the models run
 * @param prompts completions of each way: where a domain has fewer prompts, its first ones come
 *     again with other uniforms, or not at all if greedy
 * @param batch texts that are written side by side
 * @param tokens most that are written behind a prompt
 * @param timed whether seconds are reported, which wants a machine that does nothing else
 */
public record Study(
    TextModels models,
    LlamaBackend on,
    BundledCounts counts,
    Prompts held,
    Plan plan,
    int prompts,
    int batch,
    int tokens,
    long seed,
    boolean timed) {

  /**
   * A round of either drafter with a quarter of the head takes 0.84 to 0.89 of one with the full
   * head on two cores.
   */
  private static final FallbackRule RULE = new FallbackRule(0.87, 64);

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
    int room = longest + Math.max(tokens, WARM_UP) + 64;
    try (Records<Measurement> records = records(file);
        Writer writer = Writer.of(models, on, batch, room)) {
      int done = 0;
      boolean warm = !timed;
      for (int prompt = 0; prompt < prompts; prompt += batch) {
        int end = Math.min(prompt + batch, prompts);
        for (Cell cell : cells) {
          progress.accept(done, cell.id());
          done += end - prompt;
          int[] missing =
              IntStream.range(prompt, end)
                  .filter(p -> has(cell, p) && !records.has(new Measurement.Key(cell.id(), p)))
                  .toArray();
          if (missing.length == 0) {
            continue;
          }
          if (!warm) {
            warmUp(writer, cells, lists, progress);
            warm = true;
          }
          measure(writer, cell, missing, tokens, lists).forEach(records::add);
        }
      }
      return summaries(cells, records);
    }
  }

  private void warmUp(
      Writer writer,
      List<Cell> cells,
      Map<String, KeptVocabulary> lists,
      BiConsumer<Integer, String> progress) {
    int[] first = IntStream.range(0, batch).toArray();
    for (Cell cell : cells) {
      progress.accept(0, "warming up, " + cell.id());
      List<Measurement> _ = measure(writer, cell, first, WARM_UP, lists);
    }
  }

  /** Sums up what is measured, and measures nothing. */
  public List<Summary> report(Path file) throws IOException {
    try (Records<Measurement> records = records(file)) {
      return summaries(plan.cells(), records);
    }
  }

  private static Records<Measurement> records(Path file) throws IOException {
    return new Records<>(file, Measurement::parse, Measurement::format, Measurement::key);
  }

  private boolean has(Cell cell, int prompt) {
    return prompt < held.of(cell.domain()).size() || cell.temperature() > 0;
  }

  private List<Summary> summaries(List<Cell> cells, Records<Measurement> records) {
    List<Summary> summaries = new ArrayList<>();
    for (Cell cell : cells) {
      Cell reference = cell.reference(plan.vocabulary());
      Summary summary = Summary.of(cell, texts(cell, records), texts(reference, records), this);
      if (summary != null) {
        summaries.add(summary);
      }
    }
    return summaries;
  }

  /** Measurements by text: completions of the same prompt count together. */
  private List<Measurement> texts(Cell cell, Records<Measurement> records) {
    Map<Integer, Measurement> texts = new TreeMap<>();
    for (Measurement one : records.all()) {
      if (one.cell().equals(cell.id()) && one.prompt() < prompts) {
        Measurement own = one.of(one.prompt() % held.of(cell.domain()).size());
        texts.merge(own.prompt(), own, Measurement::plus);
      }
    }
    return List.copyOf(texts.values());
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

  private List<Measurement> measure(
      Writer writer, Cell cell, int[] prompts, int most, Map<String, KeptVocabulary> lists) {
    List<int[]> held = this.held.of(cell.domain());
    List<int[]> texts =
        Arrays.stream(prompts).mapToObj(prompt -> held.get(prompt % held.size())).toList();
    Warping warping =
        cell.temperature() == 0 ? Warping.greedy() : Warping.temperature(cell.temperature());
    List<Completion> completions =
        writer.complete(
            texts, most, warping, _ -> speculation(cell, lists), text -> seed + prompts[text]);
    KeptVocabulary list = lists.get(key(cell.list(), cell.rows()));
    return IntStream.range(0, prompts.length)
        .mapToObj(text -> measurement(cell, prompts[text], completions.get(text), list))
        .toList();
  }

  private static Measurement measurement(
      Cell cell, int prompt, Completion completion, @Nullable KeptVocabulary list) {
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

  private @Nullable Speculation speculation(Cell cell, Map<String, KeptVocabulary> lists) {
    Drafter drafter = cell.drafter();
    if (drafter == null) {
      return null;
    }
    WeightRows rows = drafter.head(models);
    DraftHead full = GatheredHead.full(on, rows);
    if (cell.list().isEmpty()) {
      return new Speculation(drafter, DraftHeads.always(full), cell.gamma(), null);
    }
    int[] core = list(lists, cell.list(), cell).ids();
    if (cell.tail() > 0) {
      DynamicVocabulary ids =
          new DynamicVocabulary(plan.vocabulary(), core, core.length, cell.tail());
      DraftHead head = GatheredHead.of(on, rows, ids::ids);
      return new Speculation(drafter, DraftHeads.always(head), cell.gamma(), ids);
    }
    DraftHeads heads =
        switch (cell.choice()) {
          case FIXED -> DraftHeads.always(head(rows, core));
          case FALLBACK -> new AdaptiveHeads(List.of(head(rows, core)), full, RULE);
          case SWITCHING ->
              new AdaptiveHeads(
                  plan.switched().stream()
                      .map(name -> head(rows, list(lists, name, cell).ids()))
                      .toList(),
                  full,
                  RULE);
        };
    return new Speculation(drafter, heads, cell.gamma(), null);
  }

  private DraftHead head(WeightRows rows, int[] ids) {
    Tensor kept = Tensor.wrap(ids, ids.length);
    return GatheredHead.of(on, rows, () -> kept);
  }

  private static KeptVocabulary list(Map<String, KeptVocabulary> lists, String name, Cell cell) {
    KeptVocabulary list = lists.get(key(name, cell.rows()));
    if (list == null) {
      throw new IllegalStateException("list " + name + " was not read");
    }
    return list;
  }
}
