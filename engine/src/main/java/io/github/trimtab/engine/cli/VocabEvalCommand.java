package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.completion.BundledCounts;
import io.github.trimtab.engine.completion.Drafter;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.draftstudy.PageTables;
import io.github.trimtab.engine.draftstudy.Plan;
import io.github.trimtab.engine.draftstudy.Prompts;
import io.github.trimtab.engine.draftstudy.Study;
import io.github.trimtab.engine.draftstudy.StudyFiles;
import io.github.trimtab.engine.draftstudy.StudyPlots;
import io.github.trimtab.engine.draftstudy.Summary;
import io.github.trimtab.engine.llama.LlamaBackend;
import io.github.trimtab.engine.text.TextTokenizer;
import io.github.trimtab.io.WholeFile;
import io.github.trimtab.kernel.Head;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vocab eval}. */
@Command(
    name = "eval",
    description = {
      "Block efficiency, MBSU and speed of trimmed draft heads, against the full head, on held-out"
          + " prompts.",
      "",
      "Writes DIR/study.json, DIR/study.txt and plots. DIR/records-TOKENS-SEED.jsonl (or"
          + " ...-batchN.jsonl) holds every completion as it comes: the same command goes on where"
          + " it was stopped."
    })
final class VocabEvalCommand implements Callable<Integer> {
  private static final int MOST_PROMPTS = 4096;
  private static final int MOST_TOKENS = 1024;
  private static final int MOST_DRAFTS = 16;
  private static final int QUICK_PROMPTS = 2;
  private static final int QUICK_TOKENS = 48;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "vocab-eval",
      description = "Folder of the results (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("");

  @Option(
      names = "--model",
      paramLabel = "DIR",
      defaultValue = "${sys:trimtab.home:-.}/models/java-text",
      description = "Folder of target, drafters, counts and prompts (default: ${DEFAULT-VALUE}).")
  private Path folder = Path.of("");

  @Mixin private BackendOption backend = new BackendOption();

  @Option(
      names = "--sections",
      paramLabel = "NAME",
      split = ",",
      defaultValue = "size,gamma,tail,source,domain",
      description = "What varies: ${COMPLETION-CANDIDATES} (default: all).")
  private List<Plan.Section> sections = List.of();

  @Option(
      names = "--drafters",
      paramLabel = "NAME",
      split = ",",
      defaultValue = "eagle,model",
      description = "Who drafts: ${COMPLETION-CANDIDATES} (default: both).")
  private List<Drafter> drafters = List.of();

  @Option(
      names = "--temperatures",
      paramLabel = "T",
      split = ",",
      defaultValue = "0.7,1,0",
      description = "Of target and drafter; 0 is greedy (default: ${DEFAULT-VALUE}).")
  private List<Float> temperatures = List.of();

  @Option(
      names = "--shares",
      paramLabel = "N",
      split = ",",
      defaultValue = "2,4,8",
      description = "Kept rows, as divisors of the vocabulary (default: ${DEFAULT-VALUE}).")
  private List<Integer> shares = List.of();

  @Option(
      names = "--gamma",
      paramLabel = "N",
      defaultValue = "3",
      description = "Drafted tokens of a round (default: ${DEFAULT-VALUE}).")
  private int gamma;

  @Option(
      names = "--domain",
      paramLabel = "NAME",
      defaultValue = "java",
      description = "Domain of the prompts and of the list (default: ${DEFAULT-VALUE}).")
  private String domain = "";

  @Option(
      names = "--foreign",
      paramLabel = "NAME",
      split = ",",
      defaultValue = "de,ja,ru",
      description = "Other domains that meet the same list (default: ${DEFAULT-VALUE}).")
  private List<String> foreign = List.of();

  @Option(
      names = "--prompts",
      paramLabel = "N",
      defaultValue = "24",
      description =
          "Completions in each way: prompts of the domain, then the same again with other uniforms"
              + " (default: ${DEFAULT-VALUE}).")
  private int prompts;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Texts to write side by side, a pass of the target for all (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "192",
      description = "Tokens to write behind each prompt (default: ${DEFAULT-VALUE}).")
  private int tokens;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of everything drawn (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--report",
      description = "Measure nothing more; sum up the records that DIR holds.")
  private boolean report;

  @Option(
      names = "--page",
      paramLabel = "FILE",
      description =
          "Write the study's tables into this Markdown page, between the marks <!-- study: NAME -->"
              + " and <!-- end -->.")
  private @Nullable Path page;

  @Option(
      names = "--untimed",
      description =
          "Leave out tokens a second and plain decoding: for a machine that does other work.")
  private boolean untimed;

  @Option(names = "--quick", description = "A look: 2 prompts, 48 tokens.")
  private boolean quick;

  @Override
  public Integer call() throws IOException {
    try (Gpu gpu = backend.gpu();
        LlamaBackend on = backend.llama(gpu)) {
      return run(on);
    }
  }

  private int run(LlamaBackend on) throws IOException {
    check();
    TextModels models = TextModels.load(folder);
    TextTokenizer tokenizer = models.tokenizer(folder);
    int vocabulary = models.target().config().vocabulary();
    for (int share : shares) {
      range("--shares", share, 2, vocabulary);
    }
    Plan plan =
        new Plan(
            sections, drafters, temperatures, shares, gamma, domain, foreign, vocabulary, !untimed);
    Prompts held = Prompts.read(folder.resolve("prompts.jsonl"), models, tokenizer);
    plan.cells().forEach(cell -> held.of(cell.domain()));
    Study study =
        new Study(
            models,
            on,
            new BundledCounts(folder, tokenizer, vocabulary),
            held,
            plan,
            quick ? QUICK_PROMPTS : prompts,
            batch,
            quick ? QUICK_TOKENS : tokens,
            seed,
            !untimed);
    String beside = batch == 1 ? "" : "-batch" + batch;
    Path records = out.resolve("records-" + study.tokens() + "-" + seed + beside + ".jsonl");
    if (report && !Files.isRegularFile(records)) {
      throw new BadInputException("--report", records, "records of these --tokens and --seed");
    }
    OutputFile.makeFolder(out);
    List<Summary> summaries = summaries(study, records);
    String table = StudyFiles.table(summaries);
    WholeFile.write(out.resolve("study.txt"), table);
    Path file = out.resolve("study.json");
    WholeFile.write(file, StudyFiles.json(summaries, study));
    PrintWriter printed = spec.commandLine().getOut();
    printed.print(table);
    printed.println("results: " + file);
    if (page != null) {
      String filled = PageTables.read(file).fill(TextFile.read("--page", page));
      WholeFile.write(page, filled);
    }
    StudyPlots.write(summaries, out).forEach(plot -> printed.println("plot: " + plot));
    return 0;
  }

  private List<Summary> summaries(Study study, Path records) throws IOException {
    if (report) {
      return study.report(records);
    }
    int completions = study.prompts() * study.plan().cells().size();
    try (Progress progress = new Progress(spec.commandLine().getErr(), completions)) {
      return study.run(records, progress::show);
    }
  }

  private void check() {
    OutputFile.checkFolder(out);
    if (page != null && !Files.isRegularFile(page)) {
      throw new BadInputException("--page", page, "a Markdown file");
    }
    range("--prompts", prompts, 1, MOST_PROMPTS);
    range("--batch", batch, 1, Head.MOST_VECTORS);
    range("--tokens", tokens, 1, MOST_TOKENS);
    range("--gamma", gamma, 1, MOST_DRAFTS);
    for (float temperature : temperatures) {
      if (!(temperature >= 0 && temperature <= 10)) {
        throw new BadInputException("--temperatures", temperature, "0 to 10");
      }
    }
  }

  private static void range(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new BadInputException(option, value, least + " to " + most);
    }
  }
}
